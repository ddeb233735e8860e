-- The help: one table of documentation a module (perigee/help/NAME.lua), and what is made of it —
-- answers at the prompt, completion of option keys, and through help/generate.lua the manual, the
-- man page and the editors' definitions.
--
-- A module's table:
--   { name = "array", title = "Arrays", summary = "…", entries = { entry, … } }
-- An entry:
--   name     "array.mean" (a function), "array:reshape" (a method), "dataset.x" (a field; kind = "field")
--   text     what it does: shapes, units, failure
--   params   { { "x", "array|dataset", "what it is" }, { "axis", "integer?", "…" }, … }; a "?" ends
--            the type of what may be left out, a default is said in the text
--   options  { { "eta", "number", "0.1", "step of the search" }, … }: key, type, default, meaning;
--            a type of quoted words ('"l1"|"l2"') is what completion offers as values
--   returns  { "array", "what comes back" }
--   method   true where array.mean(x) is also x:mean()
--   example  runnable code; every example is run by the tests
--   see      { "array.sum", … }

local help = {}

local modules = {
  "prompt", "array", "data", "nn", "svm", "reject", "dnr", "attack", "metrics", "evaluate", "plot", "perigee",
}

local index -- name → entry, filled at first use: starting the prompt does not pay for it

local function load_all()
  if index then return end
  index = {}
  help.modules = {}
  for _, name in ipairs(modules) do
    local path = package.searchpath("perigee.help." .. name, package.path)
    if path then
      local module = require("perigee.help." .. name)
      help.modules[#help.modules + 1] = module
      for _, entry in ipairs(module.entries) do
        entry.module = module
        index[entry.name] = entry
      end
    end
  end
end

--- Every module's table, in the manual's order.
function help.all()
  load_all()
  return help.modules
end

--- "array.mean(x [, axis])", or "x:mean([axis])" for a method.
function help.signature(entry)
  if entry.kind == "field" then return entry.name end
  local text, open = {}, 0
  for i, param in ipairs(entry.params or {}) do
    local optional = param[2]:sub(-1) == "?"
    if optional then
      text[#text + 1] = (i > 1 and " [, " or "[") .. param[1]
      open = open + 1
    else
      text[#text + 1] = (i > 1 and ", " or "") .. param[1]
    end
  end
  local list = table.concat(text) .. ("]"):rep(open)
  -- f{…}: an option table as the only argument is written without parentheses
  if #(entry.params or {}) == 0 and entry.options then return entry.name .. "{ … }" end
  return ("%s(%s)"):format(entry.name, list)
end

--- The entry of a name: "array.mean", "array:mean" (also where mean is a function and a method),
--- "pgd" where only one module has it; nil if there is none.
function help.find(name)
  load_all()
  if index[name] then return index[name] end
  local dotted = name:gsub(":", ".")
  if index[dotted] then return index[dotted] end
  local colon = name:gsub("%.", ":")
  if index[colon] then return index[colon] end
  local found
  for full, entry in pairs(index) do
    local last = full:match("[.:]([%w_]+)$")
    if last == name then
      -- the modules' order decides between two of one name, so that the answer never changes
      if not found or full < found.name then found = entry end
    end
  end
  return found
end

--- The module's table by its name, or nil.
function help.module(name)
  load_all()
  for _, module in ipairs(help.modules) do
    if module.name == name then return module end
  end
end

--- Entries whose name or text holds every word of the query, names first.
function help.search(query)
  load_all()
  local words, hits = {}, {}
  for word in query:lower():gmatch("%S+") do words[#words + 1] = word end
  for _, module in ipairs(help.modules) do
    for _, entry in ipairs(module.entries) do
      local name = entry.name:lower()
      local everything = (name .. " " .. entry.text .. " " .. table.concat(entry.see or {}, " ")):lower()
      local all, in_name = #words > 0, true
      for _, word in ipairs(words) do
        all = all and everything:find(word, 1, true) ~= nil
        in_name = in_name and name:find(word, 1, true) ~= nil
      end
      if all then hits[#hits + 1] = { entry = entry, rank = in_name and 0 or 1, order = #hits } end
    end
  end
  table.sort(hits, function(a, b)
    if a.rank ~= b.rank then return a.rank < b.rank end
    return a.order < b.order
  end)
  local entries = {}
  for i, hit in ipairs(hits) do entries[i] = hit.entry end
  return entries
end

--- The first sentence of an entry's text, for lists.
function help.brief(entry)
  local text = entry.text:gsub("%s+", " "):gsub("^ ", "")
  return text:match("^(.-[.])%s") or text
end

-- A function's documented name: looked for among the libraries and the methods of the types.
local function name_of_function(f)
  load_all()
  for name, entry in pairs(index) do
    if entry.kind ~= "field" then
      local library, key = name:match("^([%w_]+)%.([%w_]+)$")
      local value
      if library then
        local t = rawget(_G, library)
        if type(t) == "table" then value = rawget(t, key) end
      else
        value = rawget(_G, name)
      end
      if value == f then return name end
    end
  end
end

--- The entry or the module of any value: a function, a library, a name.
function help.of(value)
  if type(value) == "string" then
    return help.module(value) or help.find(value)
  end
  load_all()
  if type(value) == "function" then
    local name = name_of_function(value)
    return name and index[name]
  end
  for _, module in ipairs(help.modules) do
    if rawget(_G, module.name) == value then return module end
  end
  local meta = getmetatable(value)
  local kind = type(meta) == "table" and rawget(meta, "__name")
  kind = type(kind) == "string" and kind:match("([%w_]+)$")
  return kind and (help.find(kind) or help.module(kind)) or nil
end

---------------------------------------------------------------------------------------------------
-- Showing

local function wrap(text, width, indent)
  local lines, line = {}, ""
  for paragraph in (text .. "\n\n"):gmatch("(.-)\n%s*\n") do
    for word in paragraph:gmatch("%S+") do
      if line ~= "" and utf8.len(line) + 1 + (utf8.len(word) or #word) > width - indent then
        lines[#lines + 1] = line
        line = word
      else
        line = line == "" and word or line .. " " .. word
      end
    end
    if line ~= "" then lines[#lines + 1] = line end
    line = ""
    lines[#lines + 1] = ""
  end
  while lines[#lines] == "" do lines[#lines] = nil end
  local pad = (" "):rep(indent)
  for i, l in ipairs(lines) do lines[i] = l == "" and "" or pad .. l end
  return table.concat(lines, "\n")
end

local function named_list(rows, width)
  local widest = 0
  for _, row in ipairs(rows) do widest = math.max(widest, utf8.len(row[1])) end
  widest = math.min(widest, 24)
  local out = {}
  for _, row in ipairs(rows) do
    local text = wrap(row[2], width, widest + 6)
    local gap = math.max(2, widest + 4 - utf8.len(row[1]))
    out[#out + 1] = "  " .. row[1] .. (" "):rep(gap) .. (text:gsub("^%s+", ""))
  end
  return table.concat(out, "\n")
end

local function entry_text(entry, width)
  local out = { help.signature(entry), "", wrap(entry.text, width, 2) }
  local function section(title, rows)
    if #rows > 0 then
      out[#out + 1] = "\n" .. title
      out[#out + 1] = named_list(rows, width)
    end
  end
  local params, options = {}, {}
  for i, p in ipairs(entry.params or {}) do params[i] = { p[1], ("%s. %s"):format(p[2], p[3] or "") } end
  for i, o in ipairs(entry.options or {}) do
    local default = o[3] ~= nil and o[3] ~= "" and ("; default %s"):format(o[3]) or ""
    options[i] = { o[1], ("%s%s. %s"):format(o[2], default, o[4] or "") }
  end
  section("Arguments", params)
  section("Options", options)
  if entry.returns then section("Returns", { { entry.returns[1], entry.returns[2] or "" } }) end
  if entry.method then
    local rest = { table.unpack(entry.params, 2) }
    local call = help.signature { name = entry.name:gsub("^(%w+)%.", "x:"), params = rest }
    out[#out + 1] = ("\nAlso a method: %s"):format(call)
  end
  if entry.example then
    out[#out + 1] = "\nExample"
    out[#out + 1] = "  " .. entry.example:gsub("%s+$", ""):gsub("\n", "\n  ")
  end
  if entry.see then out[#out + 1] = "\nSee also  " .. table.concat(entry.see, ", ") end
  return table.concat(out, "\n")
end

local function module_text(module, width)
  local rows = {}
  for i, entry in ipairs(module.entries) do rows[i] = { help.signature(entry), help.brief(entry) } end
  return ("%s — %s\n\n%s\n\n%s"):format(module.name, module.title, wrap(module.summary, width, 2),
    named_list(rows, width))
end

--- The text of an entry or a module, wrapped to `width` columns (80).
function help.text(found, width)
  width = width or 80
  return found.entries and module_text(found, width) or entry_text(found, width)
end

--- The overview: what there is, a line a module.
function help.overview(width)
  local rows = {}
  for i, module in ipairs(help.all()) do rows[i] = { module.name, help.brief { text = module.summary } } end
  local how = "?name explains a function, a library or a value; ??words searches.\n\n"
  return how .. named_list(rows, width or 80)
end

return help
