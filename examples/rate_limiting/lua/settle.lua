-- --8<-- [start:settle]
local written_off = 0
local settled = redis.call('ZREM', HOLDS, CLAIM) -- 0: settled before, past its deadline, or never taken

if settled == 1 then
  local due = used + ARGV[8] * UNIT
  held, used, changed = math.max(0, held - size(CLAIM)), math.min(due, token_bound), true
  written_off = math.ceil((due - used) / UNIT)
end
if changed then save() end
return { settled, written_off }
-- --8<-- [end:settle]
