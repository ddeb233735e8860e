-- Which letters can be drawn here: gnuplot's cairo terminals draw one that no font has, and all that stands
-- with it, as high as a house. Fontconfig's own program is asked, once for each letter.

local glyphs = {}

local popen = io.popen

-- What every font of a desktop has; it is not asked for.
local common = { { 0x20, 0x24f }, { 0x386, 0x3ce }, { 0x400, 0x45f }, { 0x2013, 0x2026 }, { 0x2032, 0x2033 },
  { 0x2190, 0x2193 }, { 0x25a1, 0x25a1 } }
for _, code in ipairs { 0x0a, 0x2202, 0x220f, 0x2211, 0x2212, 0x221a, 0x221e, 0x222b, 0x2248, 0x2260, 0x2264,
  0x2265 } do
  common[#common + 1] = { code, code }
end

local MISSING = "□"

local ASK = [[
command -v fc-list >/dev/null || { echo all; exit; }
for c in %s; do [ -z "$(fc-list ":charset=$c" family 2>/dev/null)" ] || echo $c; done]]
local known = {}

local function is_common(code)
  for _, range in ipairs(common) do
    if code >= range[1] and code <= range[2] then return true end
  end
  return false
end

-- Takes no room and needs no font: a choice between two shapes of the letter before.
local function is_selector(code) return code >= 0xfe00 and code <= 0xfe0f end

-- Asks for several at once. Without fontconfig's program all are taken for known.
local function ask(codes)
  local list = {}
  for i, code in ipairs(codes) do
    list[i] = ("%x"):format(code)
    known[code] = false
  end
  local pipe = popen(ASK:format(table.concat(list, " ")))
  local answer = pipe and pipe:read "a" or "all"
  if pipe then pipe:close() end
  for word in answer:gmatch "%S+" do known[tonumber(word, 16) or 0] = true end
  if answer:find "^all" then
    for _, code in ipairs(codes) do known[code] = true end
  end
end

-- The text with a box for every letter that no font has.
function glyphs.shown(text)
  if not text:find "[\xc9-\xf4]" then return text end
  local codes = {}
  for _, code in utf8.codes(text) do
    if known[code] == nil then
      known[code] = is_common(code) or is_selector(code)
      if not known[code] then codes[#codes + 1] = code end
    end
  end
  if #codes > 0 then ask(codes) end
  return (text:gsub(utf8.charpattern, function(sign)
    if not known[utf8.codepoint(sign)] then return MISSING end
  end))
end

return glyphs
