-- Admit or refuse one request. KEYS[1]: the client's window. ARGV: limit, window in microseconds, cost.
-- Returns: admitted (1 or 0), remaining requests, microseconds until `cost` more would be admitted.
--
-- The key holds buckets "first:last:count;", oldest first. A request joins the newest bucket while that bucket is
-- younger than a twelfth of the window, so there are never more than fourteen. A bucket counts until its last request
-- is a whole window old: never more than `limit` in any interval of the window's length, and nobody is refused for
-- longer than a twelfth of the window more than an exact log would.
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local buckets, used = {}, 0
for first, last, count in string.gmatch(redis.call('GET', KEYS[1]) or '', '(%d+):(%d+):(%d+);') do
  first, last, count = tonumber(first), tonumber(last), tonumber(count)
  now = math.max(now, last) -- the server's clock may step back
  if last + window > now then
    buckets[#buckets + 1] = {first, last, count}
    used = used + count
  end
end

local admitted = used + cost <= limit
if admitted then
  local newest = buckets[#buckets]
  if newest and now - newest[1] < window / 12 then
    newest[2], newest[3] = now, newest[3] + cost
  else
    buckets[#buckets + 1] = {now, now, cost}
  end
  used = used + cost
  local parts = {}
  for i, bucket in ipairs(buckets) do
    parts[i] = string.format('%.0f:%.0f:%d;', bucket[1], bucket[2], bucket[3])
  end
  redis.call('SET', KEYS[1], table.concat(parts), 'PX', math.ceil(window / 1000) + 1)
end

-- Buckets leave oldest first; wait for as many as make room for one more.
local excess, wait = used + cost - limit, 0
for _, bucket in ipairs(buckets) do
  if excess <= 0 then break end
  excess, wait = excess - bucket[3], bucket[2] + window - now
end
return {admitted and 1 or 0, limit - used, wait}
