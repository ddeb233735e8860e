-- Completion at the prompt: from the text before the cursor to the words that may stand there.
--
-- None of the user's code runs: tables are read raw, metamethods are never called, and only chains of
-- names (a.b.c, a.b:c) are followed.

local help = require "perigee.help"
local helpers = require "perigee.helpers"
local kinds = require "perigee.kinds"

local complete = {}

local keywords = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local",
  "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
}

---------------------------------------------------------------------------------------------------
-- Where the cursor stands

-- The chain of names that ends a text: "ds:sam" of "local x = ds:sam".
local function trailing_chain(text)
  local chain = text:match("[%a_][%w_.:]*$") or ""
  return chain
end

local closing = { ["("] = ")", ["{"] = "}", ["["] = "]" }

-- Walk over the text and find what is open at its end: { quote, start } for a string, and the stack of
-- open brackets with the text before each. Comments hide everything.
local function scan(text)
  local stack, i, n = {}, 1, #text
  while i <= n do
    local c = text:sub(i, i)
    if c == '"' or c == "'" then
      local j = i + 1
      while j <= n and text:sub(j, j) ~= c do
        if text:sub(j, j) == "\\" then j = j + 1 end
        j = j + 1
      end
      if j > n then return { stack = stack, quote = c, start = i + 1 } end
      i = j
    elseif text:find("^%-%-", i) or text:find("^%[=*%[", i) then
      local level = text:match("^%-%-%[(=*)%[", i) or text:match("^%[(=*)%[", i)
      local close
      if level then
        close = select(2, text:find("]" .. level .. "]", i, true))
      else
        close = text:find("\n", i, true)
      end
      if not close then return { stack = stack, comment = true } end
      i = close
    elseif closing[c] then
      stack[#stack + 1] = { bracket = c, before = text:sub(1, i - 1), at = i }
    elseif #stack > 0 and c == closing[stack[#stack].bracket] then
      stack[#stack] = nil
    end
    i = i + 1
  end
  return { stack = stack }
end

---------------------------------------------------------------------------------------------------
-- What a chain of names stands for, without running anything

local function raw_field(value, key)
  if type(value) == "table" then
    local found = rawget(value, key)
    if found ~= nil then return found end
  end
  local meta = debug.getmetatable(value)
  if type(meta) ~= "table" then return nil end
  for _, name in ipairs { "methods", "__index" } do
    local members = rawget(meta, name)
    if type(members) == "table" and members ~= value then
      local found = rawget(members, key)
      if found ~= nil then return found end
    end
  end
end

local function resolve(chain)
  local value
  for name in chain:gmatch("[%a_][%w_]*") do
    if value == nil then value = helpers.global(name) else value = raw_field(value, name) end
    if value == nil then return nil end
  end
  return value
end

-- The names of the options that an object of the program has now; the function is the program's own.
local function option_names(value)
  local meta = debug.getmetatable(value)
  if type(value) ~= "userdata" and meta ~= debug.getregistry()["perigee.ensemble"] then meta = nil end
  local names = type(meta) == "table" and rawget(meta, "perigee.option_names")
  return names and names(value) or {}
end

-- What object:set takes: its options that can be written without quotes.
local function entry_of_set(value)
  local options = {}
  for _, name in ipairs(option_names(value)) do
    if name:find("^[%a_][%w_]*$") then options[#options + 1] = { name, "" } end
  end
  return { options = options }
end

-- The help entry of the function that a chain calls.
local function entry_of_call(chain)
  local owner, method = chain:match("^(.*):([%w_]+)$")
  if method == "set" and #option_names(resolve(owner)) > 0 then return entry_of_set(resolve(owner)) end
  if method then
    local kind = kinds.of(resolve(owner))
    return kind and help.find(kind .. ":" .. method)
  end
  return help.of(resolve(chain) or chain) or help.find(chain)
end

---------------------------------------------------------------------------------------------------
-- Candidates

local function add_names(set, t, prefix, only_functions)
  for key, value in next, t do
    if type(key) == "string" and key:find("^[%a_][%w_]*$") and key:sub(1, #prefix) == prefix
      and (key:sub(1, 1) ~= "_" or prefix:sub(1, 1) == "_")
      and (not only_functions or type(value) == "function") then
      set[key] = true
    end
  end
end

local function add_documented(set, value, prefix, methods)
  for _, name in ipairs(methods and {} or option_names(value)) do
    if name:sub(1, #prefix) == prefix and name:find("^[%a_][%w_]*$") then set[name] = true end
  end
  local kind = kinds.of(value)
  for name in pairs(kind and help.members(kind, methods) or {}) do
    if name:sub(1, #prefix) == prefix then set[name] = true end
  end
end

local function members(value, prefix, methods)
  local set = {}
  if type(value) == "table" then add_names(set, value, prefix, methods) end
  local meta = debug.getmetatable(value)
  if type(meta) == "table" and (methods or type(value) == "table") then
    for _, name in ipairs { "methods", "__index", "settings" } do
      local t = rawget(meta, name)
      if type(t) == "table" then add_names(set, t, prefix, methods) end
    end
  end
  add_documented(set, value, prefix, methods)
  return set
end

local function sorted(set, before)
  local list = {}
  for name in pairs(set) do list[#list + 1] = (before or "") .. name end
  table.sort(list)
  return list
end

-- The innermost option table that is open: the entry of its function, and the text inside it.
local function open_options(text, stack)
  local top = stack[#stack]
  if not top or top.bracket ~= "{" then return nil end
  local before = top.before:gsub("%s+$", "")
  local chain = trailing_chain(before)
  if chain == "" and #stack > 1 and stack[#stack - 1].bracket == "(" then
    chain = trailing_chain((stack[#stack - 1].before:gsub("%s+$", "")))
  end
  local entry = chain ~= "" and entry_of_call(chain)
  if entry and entry.options then return entry, text:sub(top.at + 1) end
end

local function words_of_type(kind)
  local words = {}
  for word in kind:gmatch('"([^"]*)"') do words[#words + 1] = word end
  return words
end

local function option_named(entry, name)
  for _, option in ipairs(entry.options) do
    if option[1] == name then return option end
  end
end

-- Names for require and reload: what is loaded, and the files on package.path.
local function modules(typed)
  local set = {}
  for _, t in ipairs { package.loaded, package.preload } do
    for name in next, t do
      if type(name) == "string" and name:sub(1, #typed) == typed then set[name] = true end
    end
  end
  local above = typed:match("^(.*%.)[^.]*$") or ""
  for template in package.path:gmatch("[^;]+") do
    local folder, ending = template:match("^(.-)%?(.*)$")
    if folder and ending == ".lua" then
      folder = folder == "" and "./" or folder
      for _, file in ipairs(perigee.files(folder .. above:gsub("%.", "/"))) do
        local name = above .. (file:match("^([%w_-]+)%.lua$") or "")
        if #name > #above and name:sub(1, #typed) == typed then set[name] = true end
      end
    end
  end
  return set
end

-- Inside quotes: an option's words, modules after require and reload, else a file's name.
local function in_string(text, state)
  local typed = text:sub(state.start)
  local before = text:sub(1, state.start - 2):gsub("%s+$", "")
  local entry, inside = open_options(text, state.stack)
  if entry then
    local key = inside:sub(1, -#typed - 2):match("([%a_][%w_]*)%s*=%s*$")
    local option = key and option_named(entry, key)
    local words = option and words_of_type(option[2]) or {}
    local list = {}
    for _, word in ipairs(words) do
      if word:sub(1, #typed) == typed then list[#list + 1] = word end
    end
    if #words > 0 then return list, #typed end
  end
  if before:find("require%s*%(?$") or before:find("reload%s*%(?$") then
    return sorted(modules(typed)), #typed
  end
  return {}, #typed, true
end

local function in_options(entry, inside, prefix)
  local list = {}
  local key = inside:match("([%a_][%w_]*)%s*=%s*[%w_]*$")
  if key then
    local option = option_named(entry, key)
    for _, word in ipairs(option and words_of_type(option[2]) or {}) do
      if prefix == "" or word:sub(1, #prefix) == prefix then list[#list + 1] = '"' .. word .. '"' end
    end
    return list, true
  end
  local at_key = inside:find("[,;]%s*[%w_]*$") or inside:find("^%s*[%w_]*$")
  if not at_key then return list, true end
  for _, option in ipairs(entry.options) do
    local given = inside:find("%f[%w_]" .. option[1] .. "%s*=")
    if not given and option[1]:sub(1, #prefix) == prefix then list[#list + 1] = option[1] .. " = " end
  end
  return list, false
end

--- What may stand at the end of `text`: a sorted list of whole words, how many bytes of the text each
--- replaces, and whether a file's name is wanted there instead (the list is then empty).
function complete.candidates(text)
  local state = scan(text)
  if state.comment then return {}, 0 end
  if state.quote then return in_string(text, state) end

  local chain = trailing_chain(text)
  local owner, mark, prefix = chain:match("^(.*)([.:])([%w_]*)$")
  if owner then
    local value = owner ~= "" and resolve(owner)
    if value == nil or value == false then return {}, #prefix end
    return sorted(members(value, prefix, mark == ":")), #prefix
  end
  if text:find("[%]%)}]%s*[.:][%w_]*$") then return {}, 0 end

  prefix = chain
  local entry, inside = open_options(text, state.stack)
  if entry then
    local list, only = in_options(entry, inside, prefix)
    if #list > 0 or (only and inside:find("=%s*$")) then return list, #prefix end
  end
  local set = {}
  add_names(set, _G, prefix)
  for _, name in ipairs(helpers.names) do
    if name:sub(1, #prefix) == prefix then set[name] = true end
  end
  if prefix ~= "" then
    for _, word in ipairs(keywords) do
      if word:sub(1, #prefix) == prefix then set[word] = true end
    end
  end
  return sorted(set), #prefix
end

return complete
