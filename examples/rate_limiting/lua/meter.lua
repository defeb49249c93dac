-- --8<-- [start:load]
-- KEYS: the user's bucket (hash), the user's open reservations (sorted set); one hash tag, one slot.
-- ARGV: requests (burst, per minute), tokens (burst, per minute, debt), hold in ms, claim ("id:tokens").
local BUCKET, HOLDS, CLAIM, UNIT, SLACK_MS = KEYS[1], KEYS[2], ARGV[7], 60000000, 1000
local request_burst, request_rate = ARGV[1] * UNIT, tonumber(ARGV[2])
local token_burst, token_rate = ARGV[3] * UNIT, tonumber(ARGV[4])
local token_bound, hold_ms = token_burst + ARGV[5] * UNIT, tonumber(ARGV[6])

local function exact(number) return string.format('%.0f', number) end -- tostring keeps 14 digits
local function size(claim) return string.match(claim, '%d+$') * UNIT end

local now = clock()
local saved = redis.call('HMGET', BUCKET, 'at', 'requests', 'used', 'held')
local at = tonumber(saved[1]) or now
local changed = now < at
at = math.min(at, now) -- a clock that went back refills nothing
local function drained(gone, rate, since, till) return math.max(0, gone - (till - since) * rate) end
local requests = drained(math.min(tonumber(saved[2]) or 0, request_burst), request_rate, at, now)
local used = math.min(tonumber(saved[3]) or 0, token_bound)
local held = redis.call('EXISTS', HOLDS) == 1 and tonumber(saved[4]) or 0

local lost = redis.call('ZRANGEBYSCORE', HOLDS, '-inf', exact(now), 'WITHSCORES')
for i = 1, #lost, 2 do -- its gateway died: the reservation counts as used in full, from its deadline
  local claim, due = lost[i], math.max(at, tonumber(lost[i + 1]))
  redis.call('ZREM', HOLDS, claim)
  used = math.min(drained(used, token_rate, at, due) + size(claim), token_bound)
  held, at, changed = math.max(0, held - size(claim)), due, true
end
used = drained(used, token_rate, at, now)
-- --8<-- [end:load]

-- --8<-- [start:save]
local function save()
  local full_in_ms = math.ceil(math.max(requests / request_rate, (used + held) / token_rate) / 1000)
  if full_in_ms == 0 then return redis.call('DEL', BUCKET, HOLDS) end
  local life_ms = full_in_ms + SLACK_MS + (held > 0 and hold_ms or 0)
  redis.call('HSET', BUCKET, 'at', exact(now), 'requests', exact(requests), 'used', exact(used), 'held', exact(held))
  redis.call('PEXPIRE', BUCKET, life_ms)
  redis.call('PEXPIRE', HOLDS, life_ms)
end
-- --8<-- [end:save]
