-- --8<-- [start:settle]
local accounts, reply = {}, {}
for n = 1, #KEYS / 2 do accounts[n] = account(n, true) end

for _, a in ipairs(accounts) do
  local written_off = 0
  if a.open then -- else: settled before, past its deadline, or never taken
    local due = a.used + ARGV[3] * UNIT
    redis.call('ZREM', a.holds, CLAIM)
    a.held, a.used, a.changed = math.max(0, a.held - size(CLAIM)), math.min(due, a.token_bound), true
    written_off = math.ceil((due - a.used) / UNIT)
  end
  if a.changed then save(a) end
  table.insert(reply, a.open and 1 or 0)
  table.insert(reply, written_off)
end
return reply
-- --8<-- [end:settle]
