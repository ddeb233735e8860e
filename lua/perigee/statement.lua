-- Where statements end: the host asks, before it stops interrupted code at a line, whether that line
-- continues a statement begun above it (src/host/interrupt.c).
--
-- A scan over tokens, not a parser. A line goes on if the innermost thing open at its start is a
-- bracket, if its first token cannot start a statement, or if the last token above wants more; where it
-- begins with the end of a function, as a call does whose arguments have one, what is behind that decides.

local function set(words)
  local s = {}
  for word in words:gmatch("%S+") do s[word] = true end
  return s
end

local brackets = set "( [ {"
local opens = set "( [ { function do repeat if"
local closes = set ") ] } end until"
local cannot_start = set "+ - * / // % ^ # & ~ | << >> == ~= <= >= < > = ) ] } : , . .. and or not"
local wants_more = set "= , ( [ { + - * / // % ^ # & ~ | << >> == ~= <= >= < > .. . : and or not return local"

-- The token at `at`: its text ("…" for strings and numbers) and where it ends; nil text for comments.
local function token(text, at)
  local level = text:match("^%-%-%[(=*)%[", at)
  if level then
    local _, stop = text:find("]" .. level .. "]", at, true)
    return nil, stop or #text
  end
  if text:find("^%-%-", at) then return nil, (text:find("\n", at, true) or #text + 1) - 1 end
  level = text:match("^%[(=*)%[", at)
  if level then
    local _, stop = text:find("]" .. level .. "]", at, true)
    return "…", stop or #text
  end
  local quote = text:match("^[\"']", at)
  if quote then
    local stop = at + 1
    while stop <= #text and text:sub(stop, stop) ~= quote do
      stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
    end
    return "…", stop
  end
  local word = text:match("^[%a_][%w_]*", at)
  if word then return word, at + #word - 1 end
  if text:find("^%.?%d", at) then
    local _, stop = text:find("^[%w.]+", at)
    return "…", stop
  end
  local two = text:sub(at, at + 1)
  if two == ".." or two == "//" or two == "==" or two == "~=" or two == "<=" or two == ">=" or two == "<<"
    or two == ">>" or two == "::" then
    return two, at + 1
  end
  return text:sub(at, at), at
end

local function count_lines(text, from, to)
  local n = 0
  for _ in text:sub(from, to):gmatch("\n") do n = n + 1 end
  return n
end

local function start_of_line(text, line)
  local at = 1
  for _ = 2, line do
    at = (text:find("\n", at, true) or #text) + 1
  end
  return at
end

-- In a function (or chunk) that starts at line `first`, does line `line` continue a statement?
local function continues(text, first, line)
  local open, last, ended = {}, nil, false
  local current, at = first, start_of_line(text, first)
  while true do
    local next_at = text:find("%S", at)
    if not next_at then return false end
    current = current + count_lines(text, at, next_at - 1)
    local word, stop = token(text, next_at)
    if word == "end" and current == line and open[#open] == "function" then
      ended = true
    elseif word and current >= line then
      return current > line and not ended or brackets[open[#open]] or cannot_start[word] or wants_more[last]
        or false
    end
    if word then
      if opens[word] then open[#open + 1] = word
      elseif closes[word] then open[#open] = nil end
      last = word
    end
    current = current + count_lines(text, next_at, stop)
    at = stop + 1
  end
end

-- source: as debug.getinfo gives it; text: the chunk's own, where the host has it.
return function(source, text, first, line)
  if not text and source:sub(1, 1) == "@" then
    local file = io.open(source:sub(2), "r")
    if not file then return false end
    text = file:read("a")
    file:close()
  end
  text = text or (source:sub(1, 1) ~= "=" and source) or ""
  return continues(text, math.max(first, 1), line)
end
