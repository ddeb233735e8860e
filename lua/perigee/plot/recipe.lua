-- plot.recipe(name, { options =, figure =, text =, example = }): a picture of the user's own, plot.NAME
-- from then on. What it makes of a declaration is a recipe like the built-in ones (plot.lua): options and a
-- function from a value to a figure.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local figures = require "perigee.plot.figure"
local options = require "perigee.options"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local recipe = {}

local WHERE = "plot.recipe"

-- The figure as the common options want it. It is the user's, who may draw it again: a copy gets the title
-- and the size.
local function finished(figure, given)
  local other = figures.dressed(figure, figure.look, {})
  if given.title and not other.title then
    other.title, other.height = given.title, other.height + style.figure_title
  end
  other.width, other.height = given.width or other.width, given.height or other.height
  return other
end

local function checked(name, declared)
  declared = arguments.only(WHERE, declared, { "options", "figure", "text", "example" })
  if type(declared.figure) ~= "function" then
    arguments.expected(WHERE, "figure", "a function(value, options) that returns a figure", declared.figure)
  end
  for _, key in ipairs { "text", "example" } do values.option(WHERE, declared, key, "string") end
  return declared, options.declared(WHERE .. ": " .. name, declared.options, values.common)
end

local function entry_of(name, declared, rows)
  local place = debug.getinfo(declared.figure, "S")
  local text = declared.text or "A picture of one's own."
  return {
    name = "plot." .. name,
    text = ("%s Defined in %s, line %d."):format(text:find "[.!?]%s*$" and text or text .. ".",
      place.short_src, place.linedefined),
    params = { { "value", "any", "what it draws" } },
    options = require("perigee.help.plot").picture_options(options.help(rows)),
    example = declared.example,
    see = { "plot.recipe", "plot.figure" },
  }
end

--- The recipe of a declaration, and its entry for the help.
function recipe.made(name, said)
  local declared, rows = checked(name, said)
  local draw = declared.figure
  local function figure(where, value, given)
    local made = blame.users(draw, value, options.taken(where, rows, given))
    if getmetatable(made) ~= figures.class then
      local place = debug.getinfo(draw, "S")
      blame.fail("%s: expected a figure of its function (%s:%d), as plot.figure makes, got %s", where,
        place.short_src, place.linedefined, require("perigee.native").describe(made))
    end
    return finished(made, given)
  end
  return { options = options.names(rows), figure = figure }, entry_of(name, declared, rows)
end

return recipe
