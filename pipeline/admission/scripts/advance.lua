-- Hand a run on to a stage that another queue works on.
-- KEYS: 1 run   ARGV: 1 token  2 stage   Returns 1, or 0 when the token is stale.
local run = redis.call('HMGET', KEYS[1], 'st', 'tok')
if run[1] ~= 'running' or run[2] ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'st', 'queued', 'stage', ARGV[2], 'qa', time[1] * 1000 + math.floor(time[2] / 1000))
return 1
