-- One event of webhooks, claimed for a time, or done for good (webhooks/delivery_log.py).
--
-- KEYS  the event: "done", or the time when the claim on it ends
-- ARGV  now (seconds, or "" for the server's clock), begin, done or forget, and for begin the
--       seconds of the lease
-- Returns the state of the event before: new, in_progress or done.

local EVENT, operation, lease = KEYS[1], ARGV[2], tonumber(ARGV[3])
local REPEATED_FOR = 25 * 3600 -- seconds for which HeyGen repeats a delivery, and one hour

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1e6
end

local value = redis.call('GET', EVENT)
if value == 'done' then
  return 'done'
end
local claimed = value and tonumber(value) > now
if operation == 'done' then
  redis.call('SET', EVENT, 'done', 'EX', REPEATED_FOR)
elseif operation == 'forget' then
  redis.call('DEL', EVENT)
elseif not claimed then
  local text = string.format('%.17g', now + lease)
  redis.call('SET', EVENT, text, 'EX', math.ceil(lease) + 1)
end
return claimed and 'in_progress' or 'new'
