-- Conversations with the prompt, pasted back into it: the marks "> " and ">> " are taken off, and what the
-- program had answered is left out. A statement of Lua's never begins with ">", but one that goes on may
-- have a line that does: such text is left as it is.

local transcript = {}

local copied -- a mark has been seen: of what comes through a pipe, lines without one are answers
local marked -- the statement that has begun had a mark

local function unfinished(message)
  return message:find("<eof>$") ~= nil
end

-- Is it Lua, or its beginning?
local function is_lua(text)
  local expression, complaint = load("return " .. text, "=text", "t", {})
  if expression or unfinished(complaint) then return true end
  local statements, message = load(text, "=text", "t", {})
  return statements ~= nil or unfinished(message)
end

local function is_whole(text)
  return is_lua(text) and (load("return " .. text, "=text", "t", {}) or load(text, "=text", "t", {})) ~= nil
end

-- "> x = 1" → ">", "x = 1"
local function parts(line)
  local mark, rest = line:match("^%s*(>>?) (.*)$")
  if mark then return mark, rest end
  return line:match("^%s*(>>?)%s*$"), ""
end

local function lines_of(text)
  local lines, has_marks = {}, false
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    lines[#lines + 1] = line
    has_marks = has_marks or parts(line) ~= nil
  end
  return lines, has_marks
end

local function joined(begun, text)
  return begun == "" and text or begun .. "\n" .. text
end

-- Does the first line belong to the statement that has begun?
local function goes_on(begun, mark, code)
  if begun == "" then return false end
  if mark == ">" then return not marked and is_lua(joined(begun, code)) end
  return true
end

-- The statements in the lines, and whether the first one belongs to what has begun.
local function collect(lines, begun)
  local list, open, continues = {}, nil, false
  for i, line in ipairs(lines) do
    local mark, code = parts(line)
    code = mark and code or line
    if i == 1 then continues = goes_on(begun, mark, code) end
    local starts = mark == ">" or i == 1 and (mark or continues or is_lua(line))
    if mark == ">" and not code:find("%S") and not continues then
      open = false
    elseif starts then
      list[#list + 1] = code
      open = true
    elseif open and (mark or not is_whole(list[#list])) then
      list[#list] = list[#list] .. "\n" .. code
    else
      open = false -- what the program answered
    end
  end
  return list, continues
end

--- What was typed or pasted as statements without marks, and whether the first of them belongs to what has
--- begun; nil where there are no marks in it. terminal: is it one?
function transcript.statements(text, begun, terminal)
  local lines, has_marks = lines_of(text)
  if not has_marks then
    if begun == "" and (copied or text:find("^Perigee %d+%.%d+%.%d+ — ")) then return {}, false end
    if begun == "" then marked = false end
    return nil
  end
  if not (begun ~= "" and marked) and is_lua(joined(begun, text)) then
    if begun == "" then marked = false end
    return nil
  end
  local list, continues = collect(lines, begun)
  marked, copied = true, not terminal
  return list, continues
end

return transcript
