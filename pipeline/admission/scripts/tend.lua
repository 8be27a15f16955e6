-- A follower's heartbeat for one run: it says that it still waits, and finds out whether anybody still works.
-- This is the janitor: whoever waits for a run is the one who notices that its worker died.
-- KEYS: 1 run  2 followers
-- ARGV: 1 epoch  2 follower id  3 follower TTL ms  4 log prefix  5 K  6 deaths allowed  7 the `failed` event for that
--       8 requeue a run that has been queued for more than so many ms (0: never)  9 how long a failed log stays, ms
-- Returns {verdict, length of the log}; verdict: 'ok' | 'gone' | 'requeue:STAGE'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 'st', 'ep', 'lease', 'qa', 'stage')
local log = ARGV[4] .. ARGV[1]
local length = redis.call('LLEN', log)
if run[2] ~= ARGV[1] then return {'gone', length} end
if run[1] == 'done' or run[1] == 'failed' then return {'ok', length} end
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[3]), ARGV[2])
local lost = false
if run[1] == 'running' and now > tonumber(run[3]) then
  lost = true
  -- The token moves on here already, so that a worker that was only slow cannot write any more.
  redis.call('HINCRBY', KEYS[1], 'tok', 1)
  redis.call('HINCRBY', KEYS[1], 'lost', 1)
  if redis.call('HINCRBY', KEYS[1], 'deaths', 1) > tonumber(ARGV[6]) then
    length = redis.call('RPUSH', log, ARGV[7])
    redis.call('HSET', KEYS[1], 'st', 'failed')
    redis.call('HDEL', KEYS[1], 'req')
    for _, key in ipairs({KEYS[1], KEYS[2], log}) do redis.call('PEXPIRE', key, ARGV[9]) end
    notify(redis.call('ZRANGEBYSCORE', KEYS[2], now, '+inf'), ARGV[5] .. ':' .. ARGV[1], length - 1, {ARGV[7]})
    return {'ok', length}
  end
elseif run[1] == 'queued' and tonumber(ARGV[8]) > 0 and now - tonumber(run[4]) > tonumber(ARGV[8]) then
  lost = true
end
if not lost then return {'ok', length} end
redis.call('HSET', KEYS[1], 'st', 'queued', 'qa', now)
return {'requeue:' .. run[5], length}
