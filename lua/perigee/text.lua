-- Text: what a value says, and text in columns: how wide it is, cut and padded to a width, tables of it.

local native = require "perigee.native"

local text = {}

--- A __tostring of tables whose fields somebody may have set to what it cannot show; it says so then.
function text.shown(what, f)
  return function(self)
    local ok, words = pcall(f, self)
    if ok and type(words) == "string" then return words end
    return ("<%s with fields that were changed>"):format(what)
  end
end

--- What tostring says; or, where a __tostring of the user's raises, that it does, and of an object that is
-- closed, that it is.
function text.of(value)
  local ok, words = pcall(tostring, value)
  if ok then return words end
  if type(value) == "userdata" then return ("<%s>"):format(native.describe(value)) end
  local told, reason = pcall(tostring, words)
  return ("<%s whose __tostring failed%s>"):format(type(value),
    told and ": " .. native.printable(reason) or "")
end

local controls = { ["\n"] = "\\n", ["\t"] = "\\t" }

--- A name as it stands in a line or a table: what would break these is visible too, "\n".
function text.name(s)
  return (native.printable(s):gsub("[\n\t]", controls))
end

--- How many columns a text takes, not counting its colours.
function text.width(s)
  local plain = s:gsub("\27%[[%d;]*m", "")
  return utf8.len(plain) or #plain
end

--- The text without what goes beyond `width`, an ellipsis in its place.
function text.cut(s, width)
  if text.width(s) <= width then return s end
  local stop = utf8.len(s) and utf8.offset(s, width)
  return s:sub(1, (stop or width) - 1):gsub("%s+$", "") .. "…"
end

--- Rows of cells as lines, two spaces between columns. The first `left` columns (all) are words, aligned
-- on the left; the others are numbers, aligned on the right.
function text.aligned(rows, left)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for c, cell in ipairs(row) do widths[c] = math.max(widths[c] or 0, text.width(cell)) end
  end
  for i, row in ipairs(rows) do
    local cells = {}
    for c, cell in ipairs(row) do
      local blanks = (" "):rep(widths[c] - text.width(cell))
      cells[c] = c <= (left or #row) and cell .. blanks or blanks .. cell
    end
    lines[i] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return table.concat(lines, "\n")
end

--- "1, 4, 7, …": the first of positions, eight unless `most` says otherwise.
function text.positions(positions, most)
  local words = {}
  for k = 1, math.min(#positions, most or 8) do words[k] = ("%d"):format(positions[k]) end
  return table.concat(words, ", ") .. (#positions > #words and ", …" or "")
end

--- A text's paragraphs and the items of its lists, in order: { words =, item =, apart = }. An item is a line
-- "  name  what it is", to which the indented lines behind it belong; apart: an empty line comes before.
function text.blocks(words)
  local blocks, current, apart = {}, nil, false
  for line in (words .. "\n"):gmatch "(.-)\n" do
    local item, meaning = line:match "^  (%S+)%s%s+(%S.*)$"
    if not line:find "%S" then
      current, apart = nil, #blocks > 0
    elseif current and not item and (not current.item or line:find "^%s") then
      current.words = current.words .. " " .. line
    else
      current = { words = meaning or line, item = item, apart = apart }
      blocks[#blocks + 1], apart = current, false
    end
  end
  return blocks
end

return text
