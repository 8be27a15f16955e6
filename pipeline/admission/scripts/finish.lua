-- End a run: the last event goes to the log, the answer (if it may be served again) to its key, at once.
-- KEYS: 1 run  2 followers  3 answer
-- ARGV: 1 token  2 log prefix  3 K  4 'done' | 'failed' | 'abandoned'  5 how long the log stays, ms
--       6 the answer to store or ''  7 its TTL ms  8.. events
-- Returns 'ok', 'stale', or 'requeue': somebody came just when an abandoned run was given up.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 'st', 'ep', 'tok')
if run[3] ~= ARGV[1] then return 'stale' end
if run[1] == 'done' or run[1] == 'failed' then return 'ok' end
local log = ARGV[2] .. run[2]
local followers = redis.call('ZRANGEBYSCORE', KEYS[2], now, '+inf')
if ARGV[4] == 'abandoned' then
  if #followers > 0 then
    redis.call('HSET', KEYS[1], 'st', 'queued', 'stage', 0, 'qa', now)
    return 'requeue'
  end
  redis.call('DEL', KEYS[1], KEYS[2], log)
  return 'ok'
end
local events = {unpack(ARGV, 8)}
local length = redis.call('RPUSH', log, unpack(events))
if ARGV[6] ~= '' then redis.call('SET', KEYS[3], ARGV[6], 'PX', ARGV[7]) end
redis.call('HSET', KEYS[1], 'st', ARGV[4])
redis.call('HDEL', KEYS[1], 'req')
for _, key in ipairs({KEYS[1], KEYS[2], log}) do redis.call('PEXPIRE', key, ARGV[5]) end
notify(followers, ARGV[3] .. ':' .. run[2], length - #events, events)
return 'ok'
