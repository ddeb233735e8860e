-- run.lua — do the tests notice a mistake? Called as
--
--   perigee --quiet tests/mutate/run.lua check               none of the changes is stale
--   perigee --quiet tests/mutate/run.lua run STATE END [PART…]  try those not tried yet, until the clock says
--                                                            END; PARTs of their names choose some
--   perigee --quiet tests/mutate/run.lua table STATE         what became of each
--   perigee --quiet tests/mutate/run.lua judge STATE         is that as it should be? At most 5 % are not
--                                                            noticed, each explained in RELIABILITY.md
--
-- A change is made in a copy of the tree, in STATE/tree; then the C and the Lua tests run, the likeliest
-- first, one at a time, until one of them fails. STATE/results keeps a line for each: name, verdict, by what,
-- seconds.
local changes = dofile "tests/mutate/changes.lua"
local tree = dofile "tests/mutate/tree.lua"

-- What a test may take: seconds of the processors, of those that take long also without a mistake, and in
-- all, since the machine may have other work; kilobytes of addresses, as a mistake may ask for more than
-- there are.
local WORK, LONG_WORK, WAITING, MEMORY = 20, 150, 900, 12 * 1024 * 1024

-- The tests that take longest are tried last.
local LONG = {}
for name in ([[lua/test_help lua/test_report lua/test_per_sample lua/test_diagnose lua/test_auto
  core/test_gnuplot core/test_bits core/test_agreement lua/test_black_box lua/test_detectors
  lua/test_auto_reference core/test_dnr_mnist lua/test_bits lua/test_attack_reference
  lua/test_tutorial]]):gmatch "%S+" do
  LONG[#LONG + 1], LONG[name] = name, #LONG + 1
end

io.stdout:setvbuf "line"
local command, state, ends = arg[1], arg[2], tonumber(arg[3])
local only_near = os.getenv "PERIGEE_MUTATE_NEAR" -- the likeliest tests alone: while changes are written

local function fail(format, ...)
  io.stderr:write("tests/mutate: ", format:format(...), "\n")
  os.exit(1)
end

local all = changes.all()
local wrong = changes.stale(all)
if #wrong > 0 then fail("%d of %d changes are stale:\n%s", #wrong, #all, table.concat(wrong, "\n")) end

-- What is known.

local function read_results()
  local known, file = {}, io.open(state .. "/results", "r")
  if not file then return known end
  for line in file:lines() do
    local name, verdict, by, seconds = line:match "^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)$"
    if name then known[name] = { verdict = verdict, by = by, seconds = tonumber(seconds) } end
  end
  file:close()
  return known
end

local function keep(name, verdict, by, seconds)
  if verdict ~= "near" then -- not tried on all
    local file = assert(io.open(state .. "/results", "a"))
    file:write(("%s\t%s\t%s\t%d\n"):format(name, verdict, by, seconds))
    file:close()
  end
  print(("%-44s %-8s %s (%d s)"):format(name, verdict, by, seconds))
end

local function count_results(known)
  local killed, survived, hung = 0, 0, 0
  for _, change in ipairs(all) do
    local result = known[change.name]
    if result and result.verdict == "killed" then
      killed = killed + 1
      if result.by:find "hangs" then hung = hung + 1 end
    elseif result then
      survived = survived + 1
    end
  end
  return killed, hung, survived
end

-- Tests.

local function tests_in(folder, kind)
  local names = {}
  for _, path in ipairs(tree.lines_of(("ls tests/%s/test_*.%s"):format(folder, kind))) do
    names[#names + 1] = path:match "^tests/(.*)%.%a+$"
  end
  return names
end

local copy, core_type

-- A test's end: nil if it passed, else what went wrong. It passed if it said so: every test of its plan.
local function complaint(log, status)
  if status == 124 or status == 137 or status == 152 or status == 158 then return "hangs" end
  local plan, seen = 0, 0
  for line in changes.read(log):gmatch "[^\n]+" do
    local title = line:match "^not ok%s+%d*%s*%-?%s*(.*)"
    if title then return title:sub(1, 60) end
    plan = plan + (tonumber(line:match "^1%.%.(%d+)") or 0)
    if line:find "^ok%s" then seen = seen + 1 end
  end
  if status ~= 0 then return "status " .. status end
  if plan == 0 or seen < plan then return "stops early" end
end

-- Run a test in the copy, as tests/run does.
local function run_test(test)
  local name = test:match "^core/(.*)"
  local what = name and ("env %s %s"):format(core_type, copy:program(name))
    or ("%s --quiet tests/lua/run.lua tests/%s.lua"):format(copy:program(), test)
  local program = name and "build/perigee" or copy:program()
  local script = ([[cd %s && export PERIGEE="$PWD/%s" BUILD=build CMOCKA_MESSAGE_OUTPUT=TAP
    ulimit -c 0; ulimit -t %d; ulimit -v %d
    exec timeout -k 5 %d %s < /dev/null > build/test.log 2>&1]]):format(tree.quoted(copy.folder), program,
    LONG[test] and LONG_WORK or WORK, MEMORY, WAITING, what)
  local _, kind, status = os.execute("sh -c " .. tree.quoted(script))
  return complaint(copy.folder .. "/build/test.log", kind == "signal" and 128 + status or status)
end

-- Without a change a test passes, or its word is worth nothing: each is tried so when it first notices
-- something. STATE/sound has those that have been.
local sound

local function is_sound(test)
  local path = state .. "/sound"
  if not sound then
    sound = {}
    local file = io.open(path, "r")
    for line in file and file:lines() or next, {} do sound[line] = true end
    if file then file:close() end
  end
  if sound[test] then return end
  local why = run_test(test)
  if why then fail("%s fails without a change (%s): see %s/build/test.log", test, why, copy.folder) end
  sound[test] = true
  local file = assert(io.open(path, "a"))
  file:write(test, "\n")
  file:close()
end

-- The tests that are likeliest to notice a change, and the others that could.

local function stem_of(path) return path:match "([^/]*)%.%a+$" end

local function likeliest(change, tests)
  local chosen, taken, known = {}, {}, {}
  for _, test in ipairs(tests) do known[test] = true end
  local function add(test)
    if taken[test] or not known[test] then return end
    taken[test] = true
    chosen[#chosen + 1] = test
  end
  for _, test in ipairs(change.tests or {}) do add(test) end
  for _, test in ipairs(change.file_tests) do add(test) end
  local stem = stem_of(change.file):gsub("^bind_", "")
  for _, folder in ipairs { "core", "lua" } do add(folder .. "/test_" .. stem) end
  for _, test in ipairs(change.room_tests) do add(test) end
  local others = {}
  for _, test in ipairs(tests) do
    if not taken[test] then others[#others + 1] = test end
  end
  return chosen, others
end

-- The C tests link the core alone: they cannot see what is above it.
local function seen_by(change, tests)
  local above = change.file:find "^lua/" or change.file:find "^src/bind/" or change.file:find "^src/host/"
    or change.file:find "^src/%a+%.c" and change.file ~= "src/model.c"
  local kept = {}
  for _, test in ipairs(tests) do
    if not (above and test:find "^core/") then kept[#kept + 1] = test end
  end
  return kept
end

-- Run some; what noticed first and how, or nil.
local function noticed(tests)
  for _, test in ipairs(tests) do
    if os.time() >= ends then return nil, nil, true end
    local why = run_test(test)
    if why then return test, why end
  end
end

local function try(change, tests)
  local started, path = os.time(), copy.folder .. "/" .. change.file
  local text = changes.read(change.file)
  local near, others = likeliest(change, seen_by(change, tests))
  tree.write(path, changes.made(change, text))
  local ok, test, why, late = pcall(function()
    if change.file:find "^src/" then copy:compile(change.file) end
    local test, why, late = noticed(near)
    if not test and not late and not only_near then return noticed(others) end
    return test, why, late
  end)
  tree.write(path, text)
  copy:forget()
  if not ok then fail("%s: %s", change.name, type(test) == "table" and test.words or test) end
  if late then os.exit(75) end
  if test then is_sound(test) end
  local verdict = test and "killed" or only_near and "near" or "survived"
  keep(change.name, verdict, test and test .. ": " .. why or "-", os.time() - started)
end

local function chosen(change)
  if #arg < 4 then return true end
  for i = 4, #arg do
    if change.name:find(arg[i], 1, true) then return true end
  end
end

local function run()
  copy = tree.open(state .. "/tree")
  local version = tree.lines_of(copy.folder .. "/build/perigee --version")
  core_type = table.concat(version, "\n"):match "OpenBLAS [^\n]*core (%w+)"
  core_type = core_type and "OPENBLAS_CORETYPE=" .. core_type or ""
  local tests = tests_in("core", "c")
  table.move(tests_in("lua", "lua"), 1, 999, #tests + 1, tests)
  table.sort(tests, function(a, b)
    local x, y = LONG[a] or 0, LONG[b] or 0
    if x ~= y then return x < y end
    return a < b
  end)
  local known = read_results()
  for _, change in ipairs(all) do
    if not known[change.name] and chosen(change) then
      if os.time() >= ends then os.exit(75) end
      try(change, tests)
    end
  end
end

local function print_table()
  local known = read_results()
  for _, change in ipairs(all) do
    local result = known[change.name] or { verdict = "not tried", by = "-", seconds = 0 }
    print(("%-44s %-9s %s (%d s)"):format(change.name, result.verdict, result.by, result.seconds))
  end
  print(("%d changes: %d noticed, %d of them by a hang, %d not"):format(#all, count_results(known)))
end

local function judge()
  local known, explained = read_results(), changes.read "tests/RELIABILITY.md"
  local _, _, survived = count_results(known)
  for _, change in ipairs(all) do
    local result = known[change.name]
    if not result then fail("%s was not tried", change.name) end
    local file = change.file:gsub("^src/", "")
    if result.verdict ~= "killed" and not explained:find(("| `%s`:"):format(file), 1, true) then
      fail("%s is not noticed, nor explained in tests/RELIABILITY.md", change.name)
    end
  end
  if 20 * survived > #all then fail("%d of %d are not noticed", survived, #all) end
end

if command == "run" then
  run()
elseif command == "table" then
  print_table()
elseif command == "judge" then
  judge()
elseif command == "check" then
  print(("%d changes, none stale"):format(#all))
else
  fail "expected check, run, table or judge"
end
