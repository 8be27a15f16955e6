-- Take a queued run, or one whose worker is gone, and get a fencing token for it.
-- KEYS: 1 run  2 followers
-- ARGV: 1 epoch  2 stage  3 lease ms  4 log prefix  5 the `restarted` event  6 K, for the notice
--       7 how long after its end a follower still counts, ms
-- Returns {token, request, ms left until the deadline, length of the log, workers that died since the last claim}
-- or {} when there is nothing (more) to do.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 'st', 'ep', 'stage', 'lease', 'dl', 'out', 'req', 'lost')
if run[2] ~= ARGV[1] or run[3] ~= ARGV[2] then return {} end
if run[1] ~= 'queued' and not (run[1] == 'running' and now > tonumber(run[4])) then return {} end
-- Whoever has hung up has left the followers. One whose beat is late has only met an outage, perhaps.
if now > tonumber(run[5]) or redis.call('ZCOUNT', KEYS[2], now - tonumber(ARGV[7]), '+inf') == 0 then
  redis.call('DEL', KEYS[1], KEYS[2], ARGV[4] .. ARGV[1])
  return {}
end
local lost = tonumber(run[8])
if run[1] == 'running' then
  lost = lost + 1
  redis.call('HINCRBY', KEYS[1], 'deaths', 1)
end
local token = redis.call('HINCRBY', KEYS[1], 'tok', 1)
redis.call('HSET', KEYS[1], 'st', 'running', 'lease', now + tonumber(ARGV[3]), 'out', 0, 'lost', 0)
if run[6] == '1' then
  local length = redis.call('RPUSH', ARGV[4] .. ARGV[1], ARGV[5])
  notify(redis.call('ZRANGEBYSCORE', KEYS[2], now, '+inf'), ARGV[6] .. ':' .. ARGV[1], length - 1, {ARGV[5]})
end
return {string.format('%.0f', token), run[7], tostring(tonumber(run[5]) - now), redis.call('LLEN', ARGV[4] .. ARGV[1]), lost}
