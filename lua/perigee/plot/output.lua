-- Where a figure goes: a file, a window, or a script for gnuplot; and getting it there.

local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local gnuplot = plot.gnuplot
local output = {}

local f = string.format

-- The window terminals, best first.
local windows = { "qt", "wxt", "x11" }

-- What `terminal` may say, and the format it stands for.
local formats = {
  png = "png", pngcairo = "png", svg = "svg", pdf = "pdf", pdfcairo = "pdf",
  window = "window", qt = "window", wxt = "window", x11 = "window",
}

-- An SVG draws small images square by square: viewers blur an embedded one. Beyond this many pixels
-- the file would be too large for that.
local SVG_SQUARES = 20000

local function has_display()
  for _, name in ipairs { "WAYLAND_DISPLAY", "DISPLAY" } do
    local value = os.getenv(name)
    if value and value ~= "" then return true end
  end
  return false
end

local function interactive()
  local host = rawget(_G, "perigee")
  return type(host) == "table" and rawget(host, "interactive") == true
end

local function ending(file)
  local found = file:match("%.(%w+)$")
  return found and found:lower()
end

-- The name of the script beside a picture: "dnr.png" → "dnr.gp".
local function script_name(file)
  return (file:gsub("%.[pPsS][nNvVdD][gGfF]$", "")) .. ".gp"
end

-- { format =, file =, window = } from the options. Without any: a window at a prompt that has a
-- display, else a PNG named after the recipe. A script gets a window only if it asks for one.
local function choose(where, name, options)
  local file = values.option(where, options, "file", "string")
  local terminal = values.option(where, options, "terminal", "string")
  if file and (file == "" or file:find("\0", 1, true)) then
    values.fail("%s: file: expected a file's name, got %q", where, file)
  end
  if terminal and not formats[terminal] then
    values.fail("%s: terminal: expected window, qt, wxt, x11, png, svg or pdf, got %q", where,
      terminal)
  end
  local format = terminal and formats[terminal]
  if format == "window" then
    if file then
      values.fail("%s: file and terminal = %q exclude each other: a window writes no file", where,
        terminal)
    end
    return { format = "window", window = terminal, asked = true }
  end
  if file then
    if ending(file) == "gp" then return { format = format or "png", script = file } end
    format = format or ending(file)
    if not format or formats[format] ~= format or format == "window" then
      values.fail("%s: file: expected a name that ends in .png, .svg, .pdf or .gp, got %q", where,
        file)
    end
    return { format = format, file = file }
  end
  if not format and interactive() and has_display() then
    return { format = "window", window = "window" }
  end
  return { format = format or "png", file = name .. "." .. (format or "png") }
end

-- ---- Terminals -----------------------------------------------------------------------------------

-- A unit is 1/96 inch, of letters too. pngcairo and svg take a font's size for pixels; pdfcairo takes
-- it for points, of which a unit is 0.75.
local function terminal_commands(figure, target, scale)
  local w, h = math.floor(figure.width + 0.5), math.floor(figure.height + 0.5)
  if target.format == "png" then
    local size = f("size %d,%d noenhanced", math.floor(w * scale + 0.5),
      math.floor(h * scale + 0.5))
    local look = f("%s background '#ffffff' font 'Arial,%g' fontscale %g linewidth %g "
      .. "dashlength 0.5", size, style.font_size, scale, scale * 0.75)
    local cairo = f("set terminal pngcairo %s pointscale %g", look, scale * 0.75)
    local plain = "set terminal png truecolor " .. look
    return f("if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n  %s\n} else {\n  %s\n}\n", cairo, plain)
  elseif target.format == "svg" then
    return f("set terminal svg size %d,%d noenhanced background '#ffffff' font 'Arial,%g' "
      .. "fontscale 1 linewidth 0.75 dashlength 0.5\n", w, h, style.font_size)
  elseif target.format == "pdf" then
    return f("set terminal pdfcairo size %.4fin,%.4fin noenhanced font 'Arial,%g' "
      .. "fontscale 0.75 linewidth 0.75 pointscale 0.6 dashlength 0.5\n", w / 96, h / 96,
      style.font_size)
  end
  return f("set terminal %s size %d,%d noenhanced font 'Arial,%g'%s\n", target.terminal, w, h,
    style.font_size, interactive() and "" or " persist")
end

local function offers(terminals, name)
  return terminals:find(" " .. name .. " ", 1, true) ~= nil
end

-- The window terminal to use: the one asked for, or the best there is.
local function window_terminal(where, wanted, terminals)
  if not has_display() then
    values.fail("%s: there is no display for a window (neither WAYLAND_DISPLAY nor DISPLAY is set)",
      where)
  end
  for _, name in ipairs(wanted == "window" and windows or { wanted }) do
    if offers(terminals, name) then return name end
  end
  return values.fail("%s: this gnuplot has no terminal for a window (%s): install the package "
    .. "gnuplot-qt or gnuplot-x11", where, wanted == "window" and "qt, wxt, x11" or wanted)
end

-- Settle what depends on this gnuplot. A window that nobody asked for gives way to a file.
local function settle(where, name, target)
  local terminals, message = gnuplot.terminals(where)
  if not terminals then values.fail("%s", message) end
  if target.format == "window" then
    if not target.asked and not (offers(terminals, "qt") or offers(terminals, "wxt")
        or offers(terminals, "x11")) then
      return settle(where, name, { format = "png", file = name .. ".png" })
    end
    target.terminal = window_terminal(where, target.window, terminals)
  elseif target.format == "pdf" and not offers(terminals, "pdfcairo") then
    values.fail("%s: this gnuplot has no terminal for PDF (pdfcairo): write .svg or .png", where)
  end
  return target
end

-- ---- Scripts -------------------------------------------------------------------------------------

local function script_path(file)
  return gnuplot.quote_path(file:sub(1, 1) == "/" and file or "./" .. file)
end

local function svg_squares(figure, format)
  local count = 0
  for _, panel in ipairs(figure.panels) do
    local picture, shading = rawget(panel, "picture"), rawget(panel, "shading")
    if picture then count = count + picture.height * picture.width end
    if shading then count = count + shading.rows * shading.columns end
  end
  return format == "svg" and count <= SVG_SQUARES
end

-- The commands for the terminal, and those that draw.
local function commands(where, figure, target, options)
  local scale = values.number(where, options, "scale", 0.25, 8, style.scale)
  return terminal_commands(figure, target, scale),
    figure:commands(svg_squares(figure, target.format))
end

-- Everything in one text, with its data, for any gnuplot from 5.4 on.
local function script(where, figure, target, options)
  local terminal, body = commands(where, figure, target, options)
  return "# Drawn by gnuplot 5.4 or later; the data is inside.\nreset\n" .. terminal
    .. "set output " .. script_path(target.file) .. "\n" .. body .. "unset output\n"
end

-- Written beside its name and renamed, as pictures are.
local function write_script(where, file, text)
  local temporary = file .. ".new"
  local handle, message = io.open(temporary, "wb")
  if not handle then values.fail("%s: cannot write %s: %s", where, file, message) end
  local fine, why = handle:write(text)
  local closed, late = handle:close()
  if fine and closed then
    fine, why = os.rename(temporary, file)
  else
    fine, why = nil, why or late
  end
  if not fine then
    os.remove(temporary)
    values.fail("%s: cannot write %s: %s", where, file, why)
  end
  return file
end

-- Without gnuplot the program goes on: the script is written, and stderr says what is missing.
local function without_gnuplot(where, name, figure, target, options)
  if target.format == "window" then
    if target.asked then
      values.fail("%s: gnuplot was not found: install the package gnuplot-qt or gnuplot-x11", where)
    end
    target = { format = "png", file = name .. ".png" }
  end
  local file = script_name(target.file)
  write_script(where, file, script(where, figure, target, options))
  local message = f("%s: gnuplot was not found, so %s was not drawn: install the package "
    .. "gnuplot-nox (or gnuplot) and run: gnuplot %s", where, target.file, file)
  io.stderr:write("perigee: ", message, "\n")
  return file, message
end

-- ---- Public --------------------------------------------------------------------------------------

-- Draw the figure of the recipe `name` where the options say. Returns the path that was written
-- (nothing for a window); without gnuplot that of the script, and a message.
function output.deliver(where, name, figure, options)
  local target = choose(where, name, options)
  local timeout = values.number(where, options, "timeout", 0.01, 86400, 60)
  if target.script then
    target.file = target.script:gsub("%.[gG][pP]$", "") .. "." .. target.format
    return write_script(where, target.script, script(where, figure, target, options))
  end
  if not gnuplot.find() then return without_gnuplot(where, name, figure, target, options) end
  target = settle(where, name, target)
  local terminal, body = commands(where, figure, target, options)
  local fine, message = gnuplot.draw { where = where, terminal = terminal, body = body,
    file = target.file, format = target.file and target.format, timeout = timeout }
  if not fine then values.fail("%s", message) end
  return target.file
end

-- The script that draws the same, as text.
function output.script(where, name, figure, options)
  local target = choose(where, name, options)
  if target.format == "window" then
    target.terminal = target.window == "window" and windows[1] or target.window
    local terminal, body = commands(where, figure, target, options)
    return "# Drawn by gnuplot 5.4 or later; the data is inside.\nreset\n" .. terminal .. body
  end
  if target.script then
    target.file = target.script:gsub("%.[gG][pP]$", "") .. "." .. target.format
  end
  return script(where, figure, target, options)
end

return output
