-- Tell the followers `ids` of new events in a log. This text stands before each script that uses it.
-- `run` is K:EPOCH, `start` the index of the first of the `events` in the log. Large events are left out: then the
-- notice only says that there is something to read. The format is described in pipeline/admission/__init__.py.
local function notify(ids, run, start, events)
  local size = 0
  for _, event in ipairs(events) do size = size + #event end
  local notice = run
  if size <= 32768 then
    local n = #events
    -- The head of a MessagePack array; what follows it is MessagePack already.
    local head = n < 16 and string.char(0x90 + n) or string.char(0xdc, math.floor(n / 256), n % 256)
    notice = run .. '\n' .. start .. '\n' .. head .. table.concat(events)
  end
  for _, id in ipairs(ids) do redis.call('PUBLISH', 'leo:fe:' .. id, notice) end
end
