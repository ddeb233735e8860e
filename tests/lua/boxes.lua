-- Where the texts of gnuplot's SVG pictures stand, as headless Chromium shows them, how large their letters
-- are, and which of them lie on something that is drawn. One start of the browser for all pictures: it
-- measures every text once, the rest is in the file.
local boxes = {}

-- What the texts are measured by: their boxes around the point that they are set at.
local PAGE = [[
<!DOCTYPE html><meta charset="utf-8"><body><svg xmlns="http://www.w3.org/2000/svg">%s</svg>
<script>
const lines = Array.from(document.querySelectorAll("text"), text => {
  const b = text.getBBox();
  return [b.x, b.y, b.x + b.width, b.y + b.height].map(v => v.toFixed(2)).join(" ");
});
document.body.textContent = "measured\n" + lines.join("\n") + "\ndone";
</script>
]]

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

local function output_of(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

--- The browser's name, or nil.
function boxes.browser()
  for _, name in ipairs { "chromium", "chromium-browser", "google-chrome" } do
    if output_of("command -v " .. name) ~= "" then return name end
  end
  return nil
end

--- The font that stands in for Arial.
function boxes.font()
  return output_of "fc-match -f '%{family}' Arial 2> /dev/null"
end

-- ---- Reading a picture -----------------------------------------------------------------------------

local entities = { lt = "<", gt = ">", amp = "&", quot = '"', apos = "'" }

local TEXT = '<g transform="translate%(([%d.-]+),([%d.-]+)%)([^"]*)" ([^>]*)>%s*(<text.-</text>)'

-- Texts with the place that they are set at; `source` is what the browser measures.
local function texts_of(svg)
  local texts = {}
  for x, y, turn, look, source in svg:gmatch(TEXT) do
    local words = source:gsub("<[^>]*>", ""):gsub("&(%a+);", entities)
    if words:find "%S" then
      texts[#texts + 1] = { x = tonumber(x), y = tonumber(y), words = words,
        size = tonumber(look:match 'font%-size="([%d.]+)"'),
        angle = math.rad(tonumber(turn:match "rotate%(([%d.-]+)%)") or 0),
        source = ("<g %s>%s</g>"):format(look, source:gsub("<text", "<text xml:space='preserve'", 1)) }
    end
  end
  return texts
end

local function segments_of(path, list)
  local x0, y0, first_x, first_y
  for kind, rest in path:gmatch "([MLZ])([^MLZ]*)" do
    local x, y = first_x, first_y
    if kind ~= "Z" then
      x, y = rest:match "([%d.-]+),([%d.-]+)"
      x, y = tonumber(x), tonumber(y)
    end
    if kind == "M" then first_x, first_y = x, y else list[#list + 1] = { x0, y0, x, y } end
    x0, y0 = x, y
  end
end

-- The lines, but for those of the grid; the filled areas and the marks, as boxes.
local function drawn_of(svg)
  local lines, areas = {}, {}
  for look, path in svg:gmatch "<path([^>]-) d ?='([^']*)'" do
    if not look:find "gridline" then segments_of(path, lines) end
  end
  for points in svg:gmatch "<polygon[^>]-points ?= ?'([^']*)'" do
    local box = { math.huge, math.huge, -math.huge, -math.huge }
    for x, y in points:gmatch "([%d.-]+),([%d.-]+)" do
      x, y = tonumber(x), tonumber(y)
      box = { math.min(box[1], x), math.min(box[2], y), math.max(box[3], x), math.max(box[4], y) }
    end
    areas[#areas + 1] = box
  end
  for x, y, size in svg:gmatch "<use[^>]-translate%(([%d.-]+),([%d.-]+)%) scale%(([%d.]+)%)" do
    areas[#areas + 1] = { x - size, y - size, x + size, y + size }
  end
  return lines, areas
end

-- ---- What lies on what -----------------------------------------------------------------------------

-- The corners of a text's box, widened by `pad` along its line.
local function corners(text, pad)
  local b, c, s, list = text.box, math.cos(text.angle), math.sin(text.angle), {}
  for i, u in ipairs { b[1] - pad, b[3] + pad, b[3] + pad, b[1] - pad } do
    local v = i <= 2 and b[2] or b[4]
    list[i] = { text.x + u * c - v * s, text.y + u * s + v * c }
  end
  return list
end

local function corners_of_area(a)
  return { { a[1], a[2] }, { a[3], a[2] }, { a[3], a[4] }, { a[1], a[4] } }
end

local function extent(points, dx, dy)
  local low, high = math.huge, -math.huge
  for _, point in ipairs(points) do
    local at = point[1] * dx + point[2] * dy
    low, high = math.min(low, at), math.max(high, at)
  end
  return low, high
end

-- Whether two rectangles overlap: no side of either has them on two sides of it.
local function overlap(a, b, angles)
  for _, angle in ipairs(angles) do
    for _, turned in ipairs { angle, angle + math.pi / 2 } do
      local dx, dy = math.cos(turned), math.sin(turned)
      local low, high = extent(a, dx, dy)
      local from, to = extent(b, dx, dy)
      if high <= from or to <= low then return false end
    end
  end
  return true
end

-- Whether a segment meets the box (Liang and Barsky), both along the text's line.
local function crosses(text, s)
  local b, cos, sin = text.box, math.cos(text.angle), math.sin(text.angle)
  local function along(x, y)
    x, y = x - text.x, y - text.y
    return x * cos + y * sin, y * cos - x * sin
  end
  local x, y = along(s[1], s[2])
  local dx, dy = along(s[3], s[4])
  dx, dy = dx - x, dy - y
  local from, to = 0, 1
  local function cut(p, d)
    if d == 0 then
      if p > 0 then to = -1 end
    elseif d > 0 then
      from = math.max(from, p / d)
    else
      to = math.min(to, p / d)
    end
  end
  cut(b[1] - x, dx)
  cut(x - b[3], -dx)
  cut(b[2] - y, dy)
  cut(y - b[4], -dy)
  return from <= to
end

-- A line crosses the text, or an area touches it and does not hold it whole.
local function is_on(text, lines, areas)
  local x1, y1, x2, y2 = text.x1, text.y1, text.x2, text.y2
  for _, s in ipairs(lines) do
    if math.max(s[1], s[3]) >= x1 and math.min(s[1], s[3]) <= x2 and math.max(s[2], s[4]) >= y1
      and math.min(s[2], s[4]) <= y2 and crosses(text, s) then return true end
  end
  for _, a in ipairs(areas) do
    local apart = a[1] >= x2 or a[3] <= x1 or a[2] >= y2 or a[4] <= y1
    local holds = a[1] <= x1 and a[3] >= x2 and a[2] <= y1 and a[4] >= y2
    if not apart and not holds
      and overlap(corners(text, 0), corners_of_area(a), { 0, text.angle }) then return true end
  end
  return false
end

--- Whether two texts are nearer than `gap` on their lines, or overlap.
function boxes.touch(a, b, gap)
  if a.x1 > b.x2 + gap or b.x1 > a.x2 + gap or a.y1 > b.y2 + gap or b.y1 > a.y2 + gap then return false end
  return overlap(corners(a, gap / 2), corners(b, gap / 2), { a.angle, b.angle })
end

-- A text's box has room for the tallest letters above and below: an eighth of their size is taken off.
local function set(text, box)
  local off = text.size / 8
  text.box = { box[1], box[2] + off, box[3], box[4] - off }
  local points = corners(text, 0)
  text.x1, text.x2 = extent(points, 1, 0)
  text.y1, text.y2 = extent(points, 0, 1)
end

-- ---- The browser -----------------------------------------------------------------------------------

-- Each source's box, measured in the folder, where the page and the browser's profile go.
local function measured(sources, folder, environment)
  local page = folder .. "/page.html"
  write(page, (PAGE:gsub("%%s", (table.concat(sources):gsub("%%", "%%%%")))))
  local dom = output_of(("%s timeout 60 %s --headless --no-sandbox --disable-gpu "
    .. "--user-data-dir='%s/profile' --dump-dom 'file://%s' 2> '%s/err'"):format(environment or "",
    boxes.browser(), folder, page, folder))
  local body, found = assert(dom:match "measured\n(.*)\ndone", "the browser measured nothing"), {}
  for line in body:gmatch "[^\n]+" do
    local box = {}
    for number in line:gmatch "%S+" do box[#box + 1] = tonumber(number) end
    found[sources[#found + 1]] = box
    found[#found + 1] = box
  end
  assert(#found == #sources, "the browser measured another number of texts")
  return found
end

--- svgs: pictures as texts. Returns for each { width =, height =, texts = { { x1 =, y1 =, x2 =, y2 =, size =,
--- on =, words = }, … } }, in units. environment: words before the browser's command.
function boxes.measure(svgs, folder, environment)
  local pictures, sources, seen = {}, {}, {}
  for i, svg in ipairs(svgs) do
    local width, height = svg:match '<svg%s[^>]-width="([%d.]+)" height="([%d.]+)"'
    pictures[i] = { width = tonumber(width), height = tonumber(height), texts = texts_of(svg) }
    for _, text in ipairs(pictures[i].texts) do
      if not seen[text.source] then sources[#sources + 1] = text.source end
      seen[text.source] = true
    end
  end
  local found = measured(sources, folder, environment)
  for i, svg in ipairs(svgs) do
    local lines, areas = drawn_of(svg)
    for _, text in ipairs(pictures[i].texts) do
      set(text, found[text.source])
      text.on = is_on(text, lines, areas)
    end
  end
  return pictures
end

--- The ends of the first curve of a picture: x1, y1, x2, y2.
function boxes.curve(svg)
  local segments = {}
  segments_of(svg:match "gnuplot_plot_1.-<path[^>]- d='([^']*)'", segments)
  return segments[1][1], segments[1][2], segments[#segments][3], segments[#segments][4]
end

return boxes
