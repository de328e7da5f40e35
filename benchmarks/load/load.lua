-- What wrk sends, and what it says at the end: one line of JSON.
-- Arguments after "--": the kind of request (get, clients, post), and the status that every answer must have.

local threads, count, body = {}, 0, nil
wrong, expecting = 0, 200 -- global, because the main state reads them from the threads

local function of_clients() -- each of 10 000 clients in turn
  count = count + 1
  local number = count % 10000
  return wrk.format("GET", nil, { ["X-Forwarded-For"] = "198.18." .. math.floor(number / 100) .. "." .. number % 100 })
end

local function post() -- a worker under a name of its own
  count = count + 1
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, string.format(body, count))
end

local function judge(status)
  if status ~= expecting then wrong = wrong + 1 end
end

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  if args[1] == "clients" then request = of_clients end
  if args[1] == "post" then
    local file = assert(io.open(args[3]))
    body = file:read("*a")
    file:close()
    count = os.time() % 100000 * 100000 -- other names than in the warm-up
    request = post
  end
  -- wrk itself counts what is 400 and above; looking at every answer costs it time, so only where it has to be.
  expecting = tonumber(args[2])
  if expecting >= 300 then response = judge end
end

function done(summary, latency)
  local errors, odd = summary.errors, 0
  for _, thread in ipairs(threads) do odd = odd + (thread:get("wrong") or 0) end
  local is_refusal = threads[1]:get("expecting") >= 300
  print(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "wrong": %d, "socket": %d, "timeout": %d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    is_refusal and odd or errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
