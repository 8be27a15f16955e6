-- Append events to the log, if the fencing token still holds. Renews the lease on the way.
-- KEYS: 1 run  2 followers
-- ARGV: 1 token  2 lease ms  3 log prefix  4 K  5 length of the log before this write  6.. events
-- Returns the new length of the log, or -1 when the token is stale.
-- A write is repeated when its reply was lost; the expected length tells that it has happened already.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 'st', 'ep', 'tok')
if run[1] ~= 'running' or run[3] ~= ARGV[1] then return -1 end
local log = ARGV[3] .. run[2]
redis.call('HSET', KEYS[1], 'lease', now + tonumber(ARGV[2]), 'out', 1)
local length = redis.call('LLEN', log)
if length > tonumber(ARGV[5]) then return length end
local events = {unpack(ARGV, 6)}
redis.call('RPUSH', log, unpack(events))
notify(redis.call('ZRANGEBYSCORE', KEYS[2], now, '+inf'), ARGV[4] .. ':' .. run[2], length, events)
return length + #events
