-- What users declare of attacks (define.lua) and layers (layer.lua) of their own, checked; C makes fields
-- of it (src/bind/bind_declared.c). Options of pictures, which stay in Lua, are options.lua's.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"

local declared = {}

--- Is it a name as Lua's variables have them, of at most so many characters?
function declared.is_name(name, most)
  return type(name) == "string" and #name <= most and name:find "^[%a_][%w_]*$" ~= nil
    and load("local " .. name) ~= nil
end

--- A name that is none is refused.
function declared.check_name(where, name, most)
  if not declared.is_name(name, most) then
    arguments.expected(where, "name", ("a name as Lua's variables have them, of at most %d characters")
      :format(most), name)
  end
end

--- The names of a table in their order, each of which `check` has refused if it is none.
function declared.names(t, check)
  local names = {}
  for name in pairs(t) do
    check(name)
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- An option's declaration as a table: a default by itself, or { default, low =, … } with these keys alone.
function declared.parts(where, said, keys)
  if type(said) ~= "table" then return { said } end
  local named = {}
  for key, value in pairs(said) do
    if key ~= 1 then named[key] = value end
  end
  arguments.only(where, named, keys)
  return said
end

--- A bound, or none.
function declared.bound(where, name, value)
  if value ~= nil and not math.type(value) then arguments.expected(where, name, "a number", value) end
  return value
end

--- A copy of a list of 1 to `most` words, each of which fits `of`: { expected =, fits = function(word) }.
function declared.words(where, words, most, of)
  if words == nil then
    blame.fail("%s: words: a word is one of some: give words = { \"a\", \"b\" }", where)
  elseif type(words) ~= "table" or #words == 0 or #words > most then
    arguments.expected(where, "words", ("a list of 1 to %d words"):format(most), words)
  end
  local list = {}
  for i, word in ipairs(words) do
    if type(word) ~= "string" or not of.fits(word) then
      arguments.expected(where, ("words: number %d"):format(i), of.expected, word)
    end
    list[i] = word
  end
  return list
end

return declared
