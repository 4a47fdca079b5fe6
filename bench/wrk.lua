-- Repeats the requests of a file in order. Each create gets a new ISBN in place of a placeholder of the same length.
local requests, at, number = {}, 0, 0
local PLACEHOLDER = "{{next isbn}}"

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for request in file:read("*a"):gmatch("[^%z]+") do requests[#requests + 1] = request end
  file:close()
  number = tonumber(args[2])
end

local function isbn()
  number = number + 1
  local digits, sum = string.format("978%09d", number), 0
  for i = 1, 12 do sum = sum + (digits:byte(i) - 48) * (i % 2 == 1 and 1 or 3) end
  return digits .. (10 - sum % 10) % 10
end

function request()
  at = at % #requests + 1
  local text = requests[at]
  local from, to = text:find(PLACEHOLDER, 1, true)
  return from and text:sub(1, from - 1) .. isbn() .. text:sub(to + 1) or text
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"errors":{"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect, errors.read, errors.write, errors.timeout
  ))
end
