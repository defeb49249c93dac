-- --8<-- [start:reserve]
local cost = size(CLAIM)
local repeated = redis.call('ZSCORE', HOLDS, CLAIM) -- sent again after a lost answer: not charged twice
local fits = requests + UNIT <= request_burst and used + held + cost <= token_burst

if fits and not repeated then
  requests, held, changed = requests + UNIT, held + cost, true
  redis.call('ZADD', HOLDS, exact(now + hold_ms * 1000), CLAIM)
end
if changed then save() end -- a refusal alone writes nothing
return { (fits or repeated) and 1 or 0, requests, used + held }
-- --8<-- [end:reserve]
