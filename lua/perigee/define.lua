-- attack.define: an attack of one's own, whose step is written in Lua. What its definition says is checked
-- here; src/bind/bind_attack_define.c makes the attack of it.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local declared = require "perigee.declared"
local definitions = require "perigee.definitions"
local help = require "perigee.help"
local native = require "perigee.native"

local define = {}

local WHERE = "attack.define"
local meta = debug.getregistry()["perigee.attack"]

local most = { name = 24, options = 16, words = 16 } -- custom.h, bind_attack_define.c
local keys = { "name", "summary", "options", "step", "answer", "patience" }
local option_keys = { "type", "low", "high", "words", "meaning", "initial" }
local plain = { number = true, integer = true, boolean = true, word = true } -- with a default, saved in files
local types = { array = true, dataset = true, model = true, ["function"] = true }
for kind in pairs(plain) do types[kind] = true end
local type_words = "\"number\", \"integer\", \"boolean\", \"word\", \"array\", \"dataset\", \"model\" or "
  .. "\"function\""
local answers = { best = true, last = true, nearest = true }

-- Constructors by the names of defined attacks.
local defined = {}

-- What an attack has by these names is something else.
local taken = {}
for _, name in ipairs { "name", "minimal", "run", "with", "set", "get" } do taken[name] = true end

-- Options that every defined attack has: those of one that has no others.
local common

-- ---- Names --------------------------------------------------------------------------------------

local function check_name(name)
  declared.check_name(WHERE, name, most.name)
  local there = rawget(attack, name)
  if there ~= nil and not (defined[name] and rawequal(there, defined[name])) then
    blame.fail("%s: name: %s is one of the program's own", WHERE, name)
  end
end

--- Is attack.NAME one that was defined?
function define.has(name) return defined[name] ~= nil end

-- ---- Options ------------------------------------------------------------------------------------

local function kind_of(value)
  local kind = math.type(value) or type(value)
  return kind == "float" and "number" or kind == "string" and "word" or kind
end

local plain_word = {
  expected = ("letters, digits, _ and -, at most %d"):format(most.name),
  fits = function(word) return word:find "^[%w_-]+$" and #word <= most.name end,
}

local function check_words(where, words, default)
  local list = declared.words(where, words, most.words, plain_word)
  for _, word in ipairs(list) do
    if word == default then default = nil end
  end
  if default ~= nil then
    arguments.expected(where, "default", "one of the words", default)
  end
  return list
end

local function check_text(where, name, value, otherwise)
  if value == nil then return otherwise end
  if type(value) ~= "string" then arguments.expected(where, name, "a string", value) end
  return native.printable(value)
end

-- { default, low =, … } as bind_attack_define.c reads it.
local function described_option(where, name, said)
  said = declared.parts(where, said, option_keys)
  local default = said[1]
  local kind = said.type or (said.words and "word") or kind_of(default)
  if not types[kind] then arguments.expected(where, "type", type_words, said.type or default) end
  if kind == "boolean" and default == nil then
    blame.fail("%s: expected true or false as its default, { false, … }", where)
  elseif default ~= nil and not plain[kind] then
    blame.fail("%s: of the type %s there is no default, only what is given to the attack", where, kind)
  end
  return {
    name = name, kind = kind == "dataset" and "dataset|array" or kind, default = default,
    low = declared.bound(where, "low", said.low), high = declared.bound(where, "high", said.high),
    words = kind == "word" and check_words(where, said.words, default) or nil,
    meaning = check_text(where, "meaning", said.meaning, "an option of its own"),
    initial = default == nil and check_text(where, "initial", said.initial, "none") or nil,
  }
end

local function common_options()
  if not common then
    common = {}
    for _, option in ipairs(native.described("attack.pgd").options) do common[option[1]] = option[2] end
    for _, name in ipairs { "eta", "step", "step_schedule", "largest" } do common[name] = nil end
  end
  return common
end

--- The options that every defined attack has, by their names.
function define.common() return common_options() end

local function check_option_name(name)
  if not declared.is_name(name, most.name) then
    arguments.expected(WHERE, "options", ("names as Lua's variables have them, of at most %d characters")
      :format(most.name), name)
  end
end

-- Its own options in a list, defaults of common ones by their names.
local function checked_options(options)
  local own, of_common = {}, {}
  if options == nil then return own, of_common end
  if type(options) ~= "table" then
    arguments.expected(WHERE, "options", "a table, name = default", options)
  end
  for _, name in ipairs(declared.names(options, check_option_name)) do
    local said, where = options[name], ("%s: options: %s"):format(WHERE, name)
    if taken[name] then
      blame.fail("%s: an attack has something else by that name", where)
    elseif common_options()[name] then
      of_common[name] = said
    else
      own[#own + 1] = described_option(where, name, said)
    end
  end
  if #own > most.options then
    blame.fail("%s: options: expected at most %d of its own, got %d", WHERE, most.options, #own)
  end
  return own, of_common
end

-- ---- The definition -----------------------------------------------------------------------------

local function check_patience(patience)
  if patience == math.huge then return 0x7fffffff end
  if patience ~= nil and not (math.type(patience) and patience % 1 == 0 and patience >= 1
    and patience < 2 ^ 31) then
    arguments.expected(WHERE, "patience", "an integer of 1 or more, or math.huge", patience)
  end
  return patience
end

--- Define attack.NAME; the answer is its constructor.
function define.new(definition)
  if type(definition) ~= "table" then
    arguments.expected(WHERE, "definition", "a table, { name =, step = … }", definition)
  end
  local said = arguments.only(WHERE, definition, keys)
  check_name(said.name)
  if type(said.step) ~= "function" then
    arguments.expected(WHERE, "step", "a function(state) that answers the next points", said.step)
  elseif said.answer ~= nil and not answers[said.answer] then
    arguments.expected(WHERE, "answer", "\"best\", \"last\" or \"nearest\"", said.answer)
  end
  local own, of_common = checked_options(said.options)
  local made = blame.call(meta.define, {
    name = said.name, step = said.step, answer = said.answer or "best",
    summary = check_text(WHERE, "summary", said.summary, "an attack of one's own"),
    example = ("print(attack.%s { dmax = 1 })"):format(said.name),
    patience = check_patience(said.patience), options = own, common = of_common,
  })
  defined[said.name] = made
  require("perigee.own").set("attack", said.name, made)
  help.describe("attack." .. said.name)
  definitions.note("attack", "define", definition, made)
  return made
end

return define
