-- HTML in pieces: texts made safe, elements, tables, and what gnuplot draws as a part of a page. All of it
-- is well-formed XML, too.

local printable = require("perigee.native").printable

local markup = {}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

--- A value's text as a page shows it: nothing in it is markup, nothing turns the line around.
function markup.text(value)
  return (printable(tostring(value)):gsub('[&<>"]', entities))
end

--- A name within a sentence, which keeps its direction to itself.
function markup.name(value)
  return "<bdi>" .. markup.text(value) .. "</bdi>"
end

--- An element around content that is markup already; attributes by name.
function markup.element(tag, attributes, content)
  local words = {}
  for key, value in pairs(attributes) do words[#words + 1] = (' %s="%s"'):format(key, markup.text(value)) end
  table.sort(words)
  return ("<%s%s>%s</%s>"):format(tag, table.concat(words), content, tag)
end

local element = markup.element

--- Words as paragraphs, which empty lines part.
function markup.paragraphs(words)
  local list = {}
  for part in (words .. "\n\n"):gmatch "(.-)\n%s*\n" do
    if part:find "%S" then list[#list + 1] = element("p", { dir = "auto" }, markup.text(part)) end
  end
  return table.concat(list, "\n")
end

-- ---- Tables --------------------------------------------------------------------------------------

local function cell_text(column, value)
  if value == nil then return "" end
  if type(column.show) == "string" then return column.show:format(value) end
  return column.show and column.show(value) or value
end

-- The i-th row of a group; a column that says `once` has one cell for all of them.
local function row_of(columns, rows, i)
  local cells = {}
  for k, column in ipairs(columns) do
    local words, span = column.words or nil, column.once and #rows or nil
    if not span or i == 1 then
      local is_head = words and (k == 1 or span)
      cells[#cells + 1] = element(is_head and "th" or "td", { class = words and "words", rowspan = span,
        dir = words and "auto", scope = is_head and (span and "rowgroup" or "row") or nil },
        markup.text(cell_text(column, rows[i][column.of or column.title])))
    end
  end
  return element("tr", {}, table.concat(cells))
end

--- A table: numbers stand to the right. columns: { title =, of = the rows' key (the title), words = true
--- where there are no numbers, once = true where a group has one value, show = a format, or a function of the
--- value }. groups: lists of rows, which a rule parts.
function markup.table(columns, groups)
  local heads, parts = {}, {}
  for k, column in ipairs(columns) do
    heads[k] = element("th", { class = column.words and "words" or nil, scope = "col" },
      markup.text(column.title))
  end
  parts[1] = element("thead", {}, element("tr", {}, table.concat(heads)))
  for _, rows in ipairs(groups) do
    local lines = {}
    for i in ipairs(rows) do lines[i] = row_of(columns, rows, i) end
    parts[#parts + 1] = element("tbody", {}, table.concat(lines, "\n"))
  end
  return markup.scroll(element("table", {}, table.concat(parts, "\n")))
end

--- What may be wider than a narrow window.
function markup.scroll(content)
  return element("div", { class = "scroll", tabindex = "0" }, content)
end

-- ---- Figures -------------------------------------------------------------------------------------

-- The ids that something in the picture refers to.
local function used_ids(svg)
  local used = {}
  for tag in svg:gmatch "<[^>]*>" do
    for name in tag:gmatch "href=['\"]#([^'\"]*)" do used[name] = true end
    for name in tag:gmatch "url%(#([^)]*)%)" do used[name] = true end
  end
  return used
end

local function hex(r, g, b)
  return ("#%02x%02x%02x"):format(math.tointeger(r), math.tointeger(g), math.tointeger(b))
end

-- Ids that begin with the prefix; gnuplot gives some twice, to which nothing refers. Colours have one form,
-- by which a page's style finds them.
local function adapted(svg, prefix)
  local used, before = used_ids(svg), prefix .. "-"
  return (svg:gsub("<[^>]*>", function(tag)
    tag = tag:gsub("rgb%(%s*(%d+)%s*,%s*(%d+)%s*,%s*(%d+)%s*%)", hex)
    tag = tag:gsub("%sid=(['\"])([^'\"]*)['\"]", function(quote, name)
      if not used[name] then return "" end
      used[name] = false
      return (" id=%s%s%s%s"):format(quote, before, name, quote)
    end)
    return (tag:gsub("(href=['\"]#)", "%1" .. before):gsub("(url%(#)", "%1" .. before))
  end))
end

--- What gnuplot has drawn, for a page that may have several such: its ids begin with the prefix, a label
--- says what it is, and its titles, which browsers show over it, are gone.
function markup.svg(drawn, prefix, label)
  local svg = drawn:match "<svg.*</svg>"
  for _, idle in ipairs { "<title>.-</title>%s*", "<desc>.-</desc>%s*", "<g [^>]*>%s*</g>%s*" } do
    svg = svg:gsub(idle, "")
  end
  svg = adapted(svg, prefix)
  return ('<svg role="img" aria-label="%s"%s'):format(markup.text(label), svg:sub(#"<svg" + 1))
end

return markup
