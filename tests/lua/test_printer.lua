-- How the prompt shows values: what fits a line, what is cut, and arrays in the room they have.
local lu = require "luaunit"
local printer = require "perigee.printer"

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  return lines
end

-- Neither wider than `width` nor longer than `lines` and the word that it was cut.
local function check_fits(value, width, lines)
  perigee.print_room(width, lines)
  local text = printer.text(value, { width = width, lines = lines })
  perigee.print_room()
  local list = lines_of(text)
  lu.assertTrue(#list <= lines + 1, text)
  for _, line in ipairs(list) do lu.assertTrue(require("perigee.text").width(line) <= width, line) end
  return list
end

TestPrinter = {}

function TestPrinter:test_numbers_read_back()
  for _, x in ipairs { 1, -7, 0.1, 1 / 3, 1e300, 2^53, 1.5e-10, math.pi } do
    local text = printer.number(x)
    lu.assertEquals(load("return " .. text)(), x)
    lu.assertEquals(math.type(load("return " .. text)()), math.type(x))
  end
  lu.assertEquals(printer.number(0 / 0), "nan")
  lu.assertEquals(printer.number(-math.huge), "-inf")
end

function TestPrinter:test_tables()
  lu.assertEquals(printer.text {}, "{}")
  lu.assertEquals(printer.text { 1, "two", { 3 }, x = true, ["a b"] = 0.5 },
    '{ 1, "two", { 3 }, ["a b"] = 0.5, x = true }')
  local loop = {}
  loop.loop = loop
  lu.assertStrContains(printer.text(loop), "<cycle>")
  check_fits(setmetatable({}, { __index = function() error "read" end }), 40, 10)
end

function TestPrinter:test_members_are_one_line_each()
  local digits = data.digits(20, { seed = 1 })
  local text = printer.text({ digits = digits, small = array.new { 1, 2 }, large = array.zeros(100, 100) })
  lu.assertStrContains(text, "small = Array<f32>[2] [1  2]")
  lu.assertStrContains(text, "large = Array<f32>[100x100] …")
  lu.assertEquals(#lines_of(text), 5)
end

function TestPrinter:test_everything_fits()
  local net = nn.new { input = { 1, 28, 28 }, nn.flatten {}, nn.linear { out = 10 } }
  local digits = data.digits(30, { seed = 1 })
  nn.train(net, digits, { epochs = 1, seed = 1 })
  local pgd = attack.pgd { model = net, norm = "l2", dmax = 1, max_iter = 3 }
  local result = pgd:run(digits:slice(1, 3))
  local values = { net, digits, pgd, result, result[1], svm.new { kernel = svm.rbf(0.1) }, digits.x,
    array.randn({ 7, 9, 5 }, { seed = 1 }), array.arange(900), ("long "):rep(200), ("ü"):rep(300) }
  values[#values + 1] = { table.unpack(values) }
  for _, width in ipairs { 40, 80, 200 } do
    for _, value in ipairs(values) do check_fits(value, width, 12) end
  end
end

function TestPrinter:test_strings_say_how_long_they_are()
  lu.assertEquals(printer.text("a\n\27b"), [["a\n\27b"]])
  lu.assertStrContains(printer.text(("x"):rep(500), { width = 40 }), "(500 bytes)")
end

function TestPrinter:test_results()
  lu.assertEquals(printer.results(table.pack(false, "bad")), 'false, "bad"')
  lu.assertEquals(printer.results(table.pack(nil)), "nil")
  lu.assertEquals(printer.results(table.pack(1, array.new { 1, 2 })), "1\nArray<f32>[2]\n[1  2]")
end

function TestPrinter:test_a_screenful()
  local many = {}
  for i = 1, 500 do many[i] = { i, name = ("entry %d"):format(i) } end
  local list = check_fits(many, 60, 10)
  lu.assertEquals(#list, 11)
  lu.assertStrContains(list[11], "cut")
end

function TestPrinter:test_failing_tostring_is_told()
  local value = setmetatable({}, { __tostring = function() error("no", 0) end })
  lu.assertStrContains(printer.text(value), "__tostring failed: no")
end

function TestPrinter:test_colours_only_where_wanted()
  lu.assertNil(printer.text({ 1, "x" }):find("\27", 1, true))
  lu.assertStrContains(printer.text({ 1, "x" }, { colour = true }), "\27[32m")
end

TestPrintRoom = {}

function TestPrintRoom:tearDown() perigee.print_room() end

function TestPrintRoom:test_lines()
  local x = array.arange(500):reshape(50, 10)
  lu.assertEquals(#lines_of(tostring(x)), 51)
  perigee.print_room(80, 12)
  lu.assertTrue(#lines_of(tostring(x)) <= 12)
  perigee.print_room(80, 4)
  lu.assertEquals(lines_of(tostring(array.arange(500))),
    { "Array<i32>[500]", "[  0    1    2  ...  497  498  499]" })
end

function TestPrintRoom:test_specials_are_counted_where_they_are_not_shown()
  perigee.print_room(40, 8)
  local x = array.zeros(300, 300)
  x:set(0 / 0, 150, 150)
  x:set(1 / 0, 150, 151)
  lu.assertStrContains(tostring(x), "Array<f32>[300x300], 1 NaN, 1 Inf")
end
