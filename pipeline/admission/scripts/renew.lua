-- A worker's heartbeat for one run.
-- KEYS: 1 run  2 followers   ARGV: 1 token  2 lease ms
-- Returns {1 while the token holds else 0, live followers, ms left until the deadline}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 'st', 'tok', 'dl')
if run[1] ~= 'running' or run[2] ~= ARGV[1] then return {0, 0, 0} end
redis.call('HSET', KEYS[1], 'lease', now + tonumber(ARGV[2]))
return {1, redis.call('ZCOUNT', KEYS[2], now, '+inf'), tonumber(run[3]) - now}
