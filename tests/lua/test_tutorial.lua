-- docs/tutorial.md: its code runs, and prints what stands below it; figures to 3 %, counts to 2 either way,
-- as they follow the kernels of the processor.
local lu = require "luaunit"

TestTutorial = {}

-- The blocks in their order: { code =, printed = }; a block without a language is what the last code printed.
local function blocks_of(path)
  local blocks, fence, lines = {}, nil, {}
  for line in io.lines(path) do
    local mark = line:match "^```(.*)$"
    if mark and not fence then
      fence, lines = mark, {}
    elseif mark then
      local text = table.concat(lines, "\n")
      if fence == "lua" then blocks[#blocks + 1] = { code = text } else blocks[#blocks].printed = text end
      fence = nil
    elseif fence then
      lines[#lines + 1] = line
    end
  end
  return blocks
end

-- Run in this environment; what it printed.
local function run(code, environment)
  local lines = {}
  environment.print = function(...)
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    lines[#lines + 1] = table.concat(words, "\t")
  end
  assert(load(code, "=docs/tutorial.md", "t", environment))()
  return table.concat(lines, "\n")
end

-- Those take minutes for it.
local function is_instrumented()
  local file = io.open "/proc/self/cmdline"
  local words = file and file:read "a" or ""
  if file then file:close() end
  return words:find("asan", 1, true) ~= nil
end

local number = "%-?%d+%.?%d*"

local function near(came, said)
  local a, b = tonumber(came), tonumber(said)
  local slack = math.max(0.03 * math.abs(b), said:find("%.") and 0.02 or 3)
  return math.abs(a - b) <= slack
end

function TestTutorial:test_code_prints_what_it_says()
  if not data.has_mnist() then lu.skip "MNIST is not here" end
  if is_instrumented() then lu.skip "an instrumented build" end
  local folder = os.tmpname()
  os.remove(folder)
  local environment = setmetatable({}, { __index = _G })
  environment.plot = setmetatable({ attack = function(results, options)
    return plot.attack(results, { file = folder .. "-" .. options.file })
  end }, { __index = plot })
  local blocks = blocks_of "docs/tutorial.md"
  lu.assertTrue(#blocks >= 8)
  for k, block in ipairs(blocks) do
    local came, said = run(block.code, environment), block.printed or ""
    lu.assertEquals(came:gsub(number, "#"), (said:gsub(number, "#")), "block " .. k)
    local figures = said:gmatch(number)
    for figure in came:gmatch(number) do
      local expected = figures()
      lu.assertTrue(near(figure, expected), ("block %d: %s for %s in\n%s"):format(k, figure, expected, came))
    end
  end
  local png <close> = assert(io.open(folder .. "-dnr.png", "rb"))
  lu.assertEquals(png:read(4), "\x89PNG")
  os.remove(folder .. "-dnr.png")
end
