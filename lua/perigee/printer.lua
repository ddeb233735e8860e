-- How the prompt shows a value: strings quoted, numbers in full, tables nested and capped, everything
-- else by its own summary (tostring), of which a table's members show the first line. The text exceeds
-- neither the width nor a screenful of lines.

local columns = require "perigee.text"
local printable = require("perigee.native").printable

local printer = {}

local colours = { string = "32", number = "36", boolean = "35", ["nil"] = "35", key = "34", note = "2" }

local Writer = {}
Writer.__index = Writer

local function paint(self, kind, text)
  if self.colour and colours[kind] then return ("\27[%sm%s\27[0m"):format(colours[kind], text) end
  return text
end

local width_of, cut_to, text_of = columns.width, columns.cut, columns.of

-- A sentence broken at spaces; all lines but the first are indented. Words longer than a line are cut.
local function wrapped(text, width)
  if width_of(text) <= width then return text end
  local lines, line = {}, nil
  for blanks, word in text:gmatch("(%s*)(%S+)") do
    if line and width_of(line) + #blanks + width_of(word) > width then
      lines[#lines + 1] = line
      line = "  " .. word
    else
      line = (line or "") .. blanks .. word
    end
    line = cut_to(line, width)
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local escapes = {
  ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\", ['"'] = '\\"', ["\27"] = "\\27",
}

local function quoted(text, limit)
  local cut = text
  if #text > limit then
    local stop = math.max(limit - 16, 8) -- room for the number of bytes
    while stop > 1 and (text:byte(stop + 1) or 0) & 0xC0 == 0x80 do stop = stop - 1 end
    cut = text:sub(1, stop)
  end
  local body = cut:gsub('[%c\\"]', function(c) return escapes[c] or ("\\%d"):format(c:byte()) end)
  local more = #text > #cut and ("…\" (%d bytes)"):format(#text) or '"'
  return '"' .. printable(body) .. more
end

--- A number as Lua would read it back, with as few digits as that takes.
function printer.number(x)
  if math.type(x) == "integer" then return tostring(x) end
  if x ~= x then return "nan" end
  if x == math.huge then return "inf" end
  if x == -math.huge then return "-inf" end
  for digits = 14, 17 do
    local text = ("%%.%dg"):format(digits):format(x)
    if tonumber(text) == x then
      return text:find("[%.eE]") and text or text .. ".0"
    end
  end
end

local function is_name(key)
  return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil
end

local order = { number = 1, string = 2 }

local function sorted_keys(t, first)
  local keys = {}
  for key in next, t do
    if not (math.type(key) == "integer" and key >= 1 and key < first) then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b)
    local ka, kb = order[type(a)] or 3, order[type(b)] or 3
    if ka ~= kb then return ka < kb end
    if ka < 3 then return a < b end
    return text_of(a) < text_of(b)
  end)
  return keys
end

-- A function by its documented name, if it has one.
local function function_text(f)
  local help = package.loaded["perigee.help"]
  local entry = help and help.of(f)
  if entry then return "function " .. help.signature(entry) end
  local about = debug.getinfo(f, "S")
  if about.what == "Lua" then
    return ("function (%s:%d)"):format(printable(about.short_src:match("[^/]*$")), about.linedefined)
  end
  return tostring(f)
end

local function atom(self, value, limit)
  local kind = type(value)
  if kind == "string" then return paint(self, "string", quoted(value, limit)) end
  if kind == "number" then return paint(self, "number", printer.number(value)) end
  if kind == "function" then return function_text(value) end
  return paint(self, kind, text_of(value))
end

local function has_summary(value)
  local meta = debug.getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__tostring") ~= nil
end

-- A table that fits into one line, or nil.
local function one_line(self, t, room, depth)
  if depth > 3 then return nil end
  local parts, used, n = {}, 2, rawlen(t)
  local function add(text)
    used = used + width_of(text) + 2
    parts[#parts + 1] = text
    return used <= room
  end
  local function member(value)
    if type(value) == "table" and not has_summary(value) then
      if self.open[value] then return "<cycle>" end
      self.open[value] = true
      local text = one_line(self, value, room - used, depth + 1)
      self.open[value] = nil
      return text
    end
    local text = self:summary(value, room)
    return (text:gsub("\n.*", " …"))
  end
  for i = 1, n do
    local text = member(rawget(t, i))
    if not text or not add(text) then return nil end
  end
  for _, key in ipairs(sorted_keys(t, n + 1)) do
    local text = member(rawget(t, key))
    local name = is_name(key) and key or "[" .. atom(self, key, 40) .. "]"
    if not text or not add(paint(self, "key", name) .. " = " .. text) then return nil end
  end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

function Writer:summary(value, limit)
  if type(value) == "table" or type(value) == "userdata" then return text_of(value) end
  return atom(self, value, limit)
end

-- A summary that stands alone: tables of several lines are cut at the right edge, sentences broken.
function Writer:whole_summary(value)
  local text = self:summary(value, math.max(self.width - 2, 20))
  if type(value) ~= "table" and type(value) ~= "userdata" then return text end
  if not text:find("\n", 1, true) then return wrapped(text, self.width) end
  return (text:gsub("[^\n]+", function(line) return cut_to(line, self.width) end))
end

-- One for a table's member: its first line, and the second if there are only two and both fit.
function Writer:short_summary(value, room)
  local text = self:summary(value, math.max(room - 2, 20))
  if type(value) ~= "table" and type(value) ~= "userdata" then return text end
  local first, rest = text:match("^([^\n]*)\n(.*)$")
  if first then
    local joined = first .. " " .. rest
    text = not rest:find("\n", 1, true) and width_of(joined) <= room and joined or first .. " …"
  end
  return cut_to(text, room)
end

function Writer:line(text)
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    if #self.lines < self.max_lines then
      self.lines[#self.lines + 1] = line
    else
      self.cut = true
    end
  end
  return not self.cut
end

function Writer:value(value, prefix, indent, suffix)
  local pad = ("  "):rep(indent)
  local room = self.width - #pad - width_of(prefix) - #suffix
  if type(value) ~= "table" or has_summary(value) then
    local alone = indent == 0 and prefix == ""
    local text = alone and self:whole_summary(value) or self:short_summary(value, room)
    return self:line(pad .. prefix .. text .. suffix)
  end
  if self.open[value] then return self:line(pad .. prefix .. "<cycle>" .. suffix) end
  self.open[value] = true
  local short = one_line(self, value, room, indent)
  local going
  if short then
    going = self:line(pad .. prefix .. short .. suffix)
  else
    going = self:members(value, prefix, indent, suffix)
  end
  self.open[value] = nil
  return going
end

-- Packs the plain numbers and strings of a list into full lines; the rest goes one per line.
function Writer:list(t, n, indent)
  local pad, line = ("  "):rep(indent), ""
  local function flush()
    local going = line == "" or self:line(pad .. line)
    line = ""
    return going
  end
  for i = 1, n do
    local value = rawget(t, i)
    if type(value) == "table" or type(value) == "userdata" then
      if not (flush() and self:value(value, "", indent, ",")) then return false end
    else
      local text = atom(self, value, math.max(math.min(60, self.width - #pad - 3), 20)) .. ","
      if line ~= "" and width_of(line) + 1 + width_of(text) > self.width - #pad then
        if not flush() then return false end
      end
      line = line == "" and text or line .. " " .. text
    end
  end
  return flush()
end

function Writer:members(t, prefix, indent, suffix)
  local pad, n = ("  "):rep(indent), rawlen(t)
  if not self:line(pad .. prefix .. "{") then return false end
  local going = self:list(t, n, indent + 1)
  if going then
    for _, key in ipairs(sorted_keys(t, n + 1)) do
      local name = is_name(key) and key or "[" .. atom(self, key, 40) .. "]"
      going = self:value(rawget(t, key), paint(self, "key", name) .. " = ", indent + 1, ",")
      if not going then break end
    end
  end
  return going and self:line(pad .. "}" .. suffix)
end

local function new_writer(options)
  return setmetatable({
    width = options.width or 80, max_lines = options.lines or 24, colour = options.colour or false,
    lines = {}, open = {}, cut = false,
  }, Writer)
end

local function finished(writer)
  if writer.cut then
    writer.lines[#writer.lines + 1] = paint(writer, "note", "… (cut; print a part of it)")
  end
  return table.concat(writer.lines, "\n")
end

--- The text of a value. options: width (80), lines (24), colour (false).
function printer.text(value, options)
  local writer = new_writer(options or {})
  writer:value(value, "", 0, "")
  return finished(writer)
end

--- The text of a call's results, values.n of them: on one line if they fit there, else each on its own.
function printer.results(values, options)
  local writer, parts = new_writer(options or {}), {}
  for i = 1, values.n do
    parts[i] = printer.text(values[i], options)
    if parts[i]:find("\n", 1, true) then break end
  end
  local line = table.concat(parts, ", ")
  local fits = #parts == values.n and width_of(line) <= writer.width and not line:find("\n", 1, true)
  if fits then return line end
  for i = 1, values.n do
    if not writer:value(values[i], "", 0, "") then break end
  end
  return finished(writer)
end

--- What an error value says that is no message: "the table { code = 5 }" (`bare`: without "the table"), or
--- its own __tostring; on one line.
function printer.raised(value, bare)
  local name = not bare and type(value) == "table" and not has_summary(value) and "the table " or ""
  return name .. printable((printer.text(value, { width = 200, lines = 8 }):gsub("%s*\n%s*", " ")))
end
debug.getregistry()["perigee.raised"] = printer.raised

return printer
