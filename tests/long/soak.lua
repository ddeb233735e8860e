-- soak.lua MINUTES [SEED [SECONDS]] — the jobs of jobs.lua over and over in one process for so long (a minute
-- may be of fewer SECONDS), in an order that the seed gives. A line a minute: jobs done, resident kB,
-- descriptors, children, files in the temporary folder. Status 1, and the fault: other bits than the first
-- time; two megabytes more than after the fifth minute (16 of short); a descriptor, child or file more.
local jobs = dofile "tests/long/jobs.lua"
local minutes = tonumber(arg[1])
local seed = tonumber(arg[2]) or os.time()
local unit = tonumber(arg[3]) or 60 -- seconds that count as a minute
local settled = 5
local more = unit < 60 and 16384 or 2048 -- kB that it may hold more at the end

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local pid = read "/proc/self/stat":match "^%d+"
local temporary = os.getenv "TMPDIR"

-- Lines that a command prints; it and its pipe are not there when it counts.
local function lines(command)
  local pipe = io.popen(command)
  local count = 0
  for _ in pipe:lines() do count = count + 1 end
  pipe:close()
  return count
end

-- The command may be there before this process has let go of its end of the pipe: the less of two looks.
local function descriptors()
  local command = "ls -1 /proc/" .. pid .. "/fd"
  return math.min(lines(command), lines(command))
end

local function state()
  return {
    resident = tonumber(read "/proc/self/status":match "VmRSS:%s+(%d+)"),
    descriptors = descriptors(),
    children = lines(("cat /proc/%s/task/*/children | tr ' ' '\\n' | grep ."):format(pid)),
    files = lines(("find '%s' -type f ! -path '%s/*'"):format(temporary, os.getenv "PERIGEE_JOBS")),
  }
end

print("seed", seed, "jobs", #jobs.list)
math.randomseed(seed)
local first = {}
for _, name in ipairs(jobs.list) do first[name] = jobs.run(name) end

local history, count, faults = {}, 0, 0
local function fault(...)
  faults = faults + 1
  print("FAULT", ...)
end

local start = perigee.clock()
for minute = 1, minutes do
  repeat
    local name = jobs.list[math.random(#jobs.list)]
    local bits = jobs.run(name)
    if bits ~= first[name] then fault(name, bits, first[name]) end
    count = count + 1
  until perigee.clock() > start + minute * unit
  collectgarbage()
  local now = state()
  history[minute] = now
  print(("%3d %8d %8d kB %3d descriptors %2d children %2d files"):format(minute, count, now.resident,
    now.descriptors, now.children, now.files))
  io.stdout:flush()
  local then_ = history[settled]
  if then_ then
    for _, what in ipairs { "descriptors", "children", "files" } do
      if now[what] > then_[what] then fault(what, now[what], then_[what]) end
    end
  end
end

-- The resident kilobytes go up and down by two or three megabytes with what the allocator keeps: their median
-- in the first quarter after the fifth minute, and in the last.
local quarter = math.max(1, (minutes - settled) // 4)
local function median(from, to)
  local resident = {}
  for minute = from, to do resident[#resident + 1] = history[minute].resident end
  return array.new(resident):median() // 1
end
local before, after = median(settled, settled + quarter), median(minutes - quarter, minutes)
print(("figures %d jobs of %d kinds; median resident %d kB in minutes %d to %d, %d kB in minutes %d to %d")
  :format(count, #jobs.list, before, settled, settled + quarter, after, minutes - quarter, minutes))
if after > before + more then fault("memory", before, after) end
os.exit(faults == 0 and 0 or 1, true)
