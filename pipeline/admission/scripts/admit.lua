-- Get or create a run, in one round trip. This is request deduplication.
-- KEYS: 1 run (leo:{K}:s)  2 followers (leo:{K}:f)  3 answer (leo:{K}:a)
-- ARGV: 1 follower id  2 follower TTL ms  3 look up the answer (1/0)  4 fingerprint or ''
--       5 patience of this caller in ms  6 the request  7 the `accepted` event  8 log prefix (leo:{K}:l:)
--       9 may a new run be made (1/0)
-- Returns {'DONE', answer} | {'CONFLICT'} | {'REPLAY', epoch} | {'LIVE', epoch} | {'NEW', epoch} | {'FULL'}
if ARGV[3] == '1' then
  local answer = redis.call('GET', KEYS[3])
  if answer then return {'DONE', answer} end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = redis.call('HMGET', KEYS[1], 'st', 'ep', 'fp', 'dl', 'tok')
local st = run[1]
if st and st ~= 'failed' and ARGV[4] ~= '' and run[3] ~= ARGV[4] then return {'CONFLICT'} end
if st == 'done' and ARGV[4] ~= '' then return {'REPLAY', run[2]} end
local ends = now + tonumber(ARGV[5])
if st == 'queued' or st == 'running' then
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
  if ends > tonumber(run[4]) then redis.call('HSET', KEYS[1], 'dl', ends) end
  -- Keys outlive the last caller's deadline by a minute, so that nothing expires under a live run.
  for _, key in ipairs({KEYS[1], KEYS[2], ARGV[8] .. run[2]}) do
    if redis.call('PTTL', key) < ARGV[5] + 60000 then redis.call('PEXPIRE', key, ARGV[5] + 60000) end
  end
  return {'LIVE', run[2]}
end
if ARGV[9] ~= '1' then return {'FULL'} end
-- Microseconds since 1970 stay below 2^53, so Lua's doubles hold them exactly; %.0f prints them whole.
local epoch = string.format('%.0f', math.max(time[1] * 1000000 + time[2], tonumber(run[5] or 0) + 1))
local log = ARGV[8] .. epoch
-- The first write must be one that a Redis without memory refuses: it lets a script through that has begun to write.
-- All fields are set anew, so there is nothing to delete before.
redis.call('HSET', KEYS[1], 'st', 'queued', 'ep', epoch, 'tok', epoch, 'stage', 0, 'qa', now, 'lease', 0,
  'dl', ends, 'out', 0, 'deaths', 0, 'lost', 0, 'fp', ARGV[4], 'req', ARGV[6])
redis.call('DEL', KEYS[2])
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
redis.call('RPUSH', log, ARGV[7])
for _, key in ipairs({KEYS[1], KEYS[2], log}) do redis.call('PEXPIRE', key, ARGV[5] + 60000) end
return {'NEW', epoch}
