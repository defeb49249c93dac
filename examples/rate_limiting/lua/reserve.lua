-- --8<-- [start:reserve]
local accounts, cost, fits = {}, size(CLAIM), true
for n = 1, #KEYS / 2 do -- all are read before one is written: all or nothing
  local a = account(n)
  local enough = a.requests + UNIT <= a.request_burst and a.used + a.held + cost <= a.token_burst
  fits = fits and (a.open or enough) -- open: sent again after a lost answer, not charged twice
  accounts[n] = a
end

local reply = { fits and 1 or 0 }
for _, a in ipairs(accounts) do
  if fits and not a.open then
    a.requests, a.held, a.changed = a.requests + UNIT, a.held + cost, true
    redis.call('ZADD', a.holds, exact(now + HOLD_MS * 1000), CLAIM)
  end
  if a.changed then save(a) end -- a refusal alone writes nothing
  table.insert(reply, a.requests)
  table.insert(reply, a.used + a.held)
end
return reply
-- --8<-- [end:reserve]
