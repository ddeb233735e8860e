-- plot.recipe: a picture of one's own is like the built-in ones: where it goes, options, help, completion.

local lu = require "luaunit"
local complete = require "perigee.complete"
local gnuplot = require("perigee.native").gnuplot
local help = require "perigee.help"
local raises = dofile "tests/lua/raises.lua"

local drawn -- what the figure's function got

local function draw(x, options)
  drawn = { x = x, options = options }
  return plot.figure { width = 300, height = 200 }:line(x, { label = options.label, color = options.color })
end

local function define(more)
  local declared = {
    text = "A zigzag", figure = draw, example = "plot.zigzag { 1, 2 }",
    options = { "label", side = { "left", words = { "left", "right" }, meaning = "where it begins" },
      color = "blue", every = { 1, low = 1, meaning = "so many at a time" },
      of = { type = "array|dataset" }, count = 20 },
  }
  for key, value in pairs(more or {}) do declared[key] = value end
  return plot.recipe("zigzag", declared)
end

TestOwnPictures = {}

function TestOwnPictures:setUp() define() end

function TestOwnPictures:test_where_it_goes()
  lu.assertEquals(define(), plot.zigzag)
  local script = plot.script("zigzag", { 1, 3, 2 }, { label = "a word" })
  lu.assertStrContains(script, "a word")
  lu.assertNotStrContains(script, "a title")
  lu.assertStrContains(plot.script("zigzag", { 1, 3 }, { title = "a title" }), "a title")
  local base = os.tmpname()
  os.remove(base)
  local file = base .. ".gp"
  lu.assertEquals(plot.zigzag({ 1, 3, 2 }, { file = file }), file)
  lu.assertTrue(os.remove(file))
  lu.skipIf(not gnuplot.find(), "gnuplot is not installed")
  local page = base .. ".html"
  lu.assertEquals(plot.zigzag({ 1, 3, 2 }, { file = page, title = "a title", size = "column" }), page)
  local text = assert(io.open(page)):read "a"
  lu.assertTrue(os.remove(page))
  lu.assertStrContains(text, "a title")
end

-- A figure that is drawn twice keeps its own title and size.
function TestOwnPictures:test_the_figure_stays()
  local figure = plot.figure { width = 300, height = 200 }:line { 1, 2 }
  plot.recipe("zigzag", { figure = function() return figure end })
  lu.assertStrContains(plot.script("zigzag", 0, { title = "a title", width = 500, file = "a.svg" }), "500")
  lu.assertEquals({ figure.title, figure.width, figure.height }, { nil, 300, 200 })
  lu.assertEquals(plot.script("zigzag", 0, { file = "a.svg" }), figure:script { file = "a.svg" })
end

function TestOwnPictures:test_options()
  local x = { 1, 2 }
  plot.script("zigzag", x, { every = 2.0, label = "a word" })
  lu.assertIs(drawn.x, x)
  lu.assertEquals(drawn.options, { label = "a word", side = "left", color = "blue", every = 2, count = 20 })
  lu.assertEquals(math.type(drawn.options.every), "integer")
  plot.script("zigzag", x, { of = array.zeros(2), count = 2.0 })
  local function fails(message, options)
    raises("plot.zigzag: " .. message, plot.zigzag, x, options)
    raises("plot.zigzag: " .. message, plot.script, "zigzag", x, options)
  end
  fails("unknown option 'evry'; did you mean 'every'? (valid: label, color, count, every, of, side, file, ",
    { evry = 1 })
  fails("every: expected an integer of 1 or more, got 1.5", { every = 1.5 })
  fails("every: expected an integer of 1 or more, got 0", { every = 0 })
  fails('side: expected "left" or "right", got the string "up"', { side = "up" })
  fails("color: expected a string, got 3", { color = 3 })
  fails("of: expected an array or a dataset, got a table", { of = {} })
  fails("width: expected a number from 100 to 10000, got 3", { width = 3 })
  raises("plot.zigzag: expected at most 2 arguments, got 3 as well", plot.zigzag, x, {}, 3)
end

function TestOwnPictures:test_help_and_completion()
  local entry = help.of(plot.zigzag)
  lu.assertEquals(entry.name, "plot.zigzag")
  local text = help.text(help.find "plot.zigzag")
  for _, piece in ipairs { "plot.zigzag(value [, { … }])",
    "A zigzag. Defined in tests/lua/test_own_pictures.lua, line 11", "every",
    "integer, default 1: so many at a time (of 1 or more)", "theme", "plot.zigzag { 1, 2 }" } do
    lu.assertStrContains((text:gsub("%s+", " ")), piece)
  end
  lu.assertEquals(help.search("zigzag")[1], entry)
  lu.assertEquals(help.module("plot").entries[#help.module("plot").entries], entry)
  lu.assertEquals(complete.candidates "plot.zig", { "zigzag" })
  lu.assertEquals(complete.candidates "plot.zigzag(x, { ev", { "every = " })
  lu.assertEquals(complete.candidates 'plot.zigzag(x, { side = "l', { "left" })
  lu.assertEquals(complete.candidates "plot.zigzag(x, { them", { "theme = " })

  define { text = "Another one", options = {} }
  lu.assertStrContains(help.find("plot.zigzag").text, "Another one")
  lu.assertEquals(help.search("zigzag")[1].text, help.find("plot.zigzag").text)

  raises("unknown option 'every'", plot.zigzag, {}, { every = 1 })
end

-- A place so many lines from the caller's.
local function here(lines)
  return ("test_own_pictures.lua:%d: "):format(debug.getinfo(2, "l").currentline + lines)
end

function TestOwnPictures:test_errors_keep_the_line()
  plot.recipe("zigzag", { figure = function(x)
    return x.line
  end })
  raises(here(-2) .. "attempt to index a nil value", plot.zigzag)
  plot.recipe("zigzag", { figure = function()
    local f = plot.figure()
    return f, f:line(3)
  end })
  raises(here(-2) .. "figure:line: y: expected", plot.zigzag)
  plot.recipe("zigzag", { figure = function() return "none" end })
  raises("plot.zigzag: expected a figure of its function (tests/lua/" .. here(-1):sub(1, -3)
    .. '), as plot.figure makes, got the string "none"', plot.zigzag)
end

function TestOwnPictures:test_refusals()
  local function fails(message, name, declared)
    raises("plot.recipe: " .. message, plot.recipe, name, declared)
  end
  local attack = plot.attack
  for _, name in ipairs { "attack", "figure", "recipe", "script", "live" } do
    fails(("name: plot.%s is there already, and not by plot.recipe"):format(name), name, { figure = draw })
  end
  lu.assertIs(plot.attack, attack)
  for _, name in ipairs { "a b", "end", "", "1a", "a.b", "a\n" } do
    fails('name: expected a word such as "spread", got', name, { figure = draw })
  end
  fails("name: expected a word", nil, { figure = draw })
  fails("figure: expected a function(value, options) that returns a figure, got nothing", "one")
  fails("unknown option 'draw'", "one", { draw = draw })
  fails("text: expected a string, got 3", "one", { figure = draw, text = 3 })
  for message, options in pairs {
    ["one: options: expected a table, name = default, got 3"] = 3,
    ["one: options: 'file' is one that every picture takes"] = { "file" },
    ["one: options: 'a' is there twice"] = { "a", a = 1 },
    ["one: options: a name: expected a word such as \"bins\", got 3"] = { 3 },
    ["one: options: a: expected a default, or { default, type =, low =, high =, words =, meaning = }, got a "
      .. "table with tpye"] = { a = { tpye = "string" } },
    ["one: options: a: type: expected number, integer,"] = { a = { type = "int" } },
    ["one: options: a: default: expected an integer, got 1.5"] = { a = { 1.5, type = "integer" } },
    ["one: options: a: default: expected a number from 0 to 1, got 3"] = { a = { 3.0, low = 0, high = 1 } },
    ['one: options: a: default: expected "b" or "c", got the string "a"'] = {
      a = { "a", words = { "b", "c" } } },
    ["one: options: a: words: expected a list of words, got a table"] = { a = { words = {} } },
    ["one: options: a: meaning: expected a string, got 3"] = { a = { meaning = 3 } },
  } do
    fails(message, "one", { figure = draw, options = options })
  end
  lu.assertNil(rawget(plot, "one"))
end
