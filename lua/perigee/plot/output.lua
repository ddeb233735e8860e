-- Where a figure goes: a file, a window, the terminal, or a script for gnuplot; and getting it there.

local figures = require "perigee.plot.figure"
local html = require "perigee.plot.html"
local terminals = require "perigee.plot.terminals"
local text_view = require "perigee.plot.text_view"
local theme = require "perigee.plot.theme"
local tikz = require "perigee.plot.tikz"
local values = require "perigee.plot.values"

local native = require "perigee.native"
local gnuplot = native.gnuplot

local output = {}

local f = string.format

-- The window terminals, best first.
local windows = { "qt", "wxt", "x11" }

-- What `terminal` may say, and the format it stands for.
local formats = {
  png = "png", pngcairo = "png", svg = "svg", pdf = "pdf", pdfcairo = "pdf", tex = "tex", tikz = "tex",
  window = "window", qt = "window", wxt = "window", x11 = "window", html = "html", text = "text",
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
  return perigee.interactive
end

local function ending(file)
  local found = file:match("%.(%w+)$")
  return found and found:lower()
end

-- The name of the script beside a picture: "dnr.png" → "dnr.gp".
local function script_name(file)
  local kind = ending(file)
  return (kind and formats[kind] == kind and file:sub(1, -2 - #kind) or file) .. ".gp"
end

-- What is taken if nothing was said: a window at a prompt that has a display, the terminal at any other
-- prompt, else a PNG named after the recipe, whose path is printed. Never a window for a script.
local function unasked(name)
  if interactive() and has_display() then return { format = "window", window = "window" } end
  if interactive() and perigee.terminal().output then return { format = "text" } end
  return { format = "png", file = name .. ".png", announced = true }
end

-- { format =, file =, window = } from the options.
local function choose(where, name, options)
  local file = values.option(where, options, "file", "string")
  local terminal = values.option(where, options, "terminal", "string")
  if file and (file == "" or file:find("\0", 1, true)) then
    values.expected(where, "file", "a file's name", file)
  end
  if terminal and not formats[terminal] then
    values.expected(where, "terminal", "window, qt, wxt, x11, text, png, svg, pdf, tex or html", terminal)
  end
  local format = terminal and formats[terminal]
  if format == "window" or format == "text" then
    if file then
      values.fail("%s: file and terminal = %q exclude each other: it writes no file", where, terminal)
    end
    return { format = format, window = terminal, asked = true }
  end
  if file then
    if ending(file) == "gp" then return { format = format or "png", script = file } end
    format = format or ending(file)
    if not format or formats[format] ~= format or format == "window" or format == "text" then
      values.expected(where, "file", "a name that ends in .png, .svg, .pdf, .tex, .html or .gp", file)
    end
    return { format = format, file = file }
  end
  if not format then return unasked(name) end
  return { format = format, file = name .. "." .. format }
end

-- ---- Terminals -----------------------------------------------------------------------------------

local function offers(offered, name)
  return offered:find(" " .. name .. " ", 1, true) ~= nil
end

-- The window terminal to use: the one asked for, or the best there is.
local function window_terminal(where, wanted, offered)
  if not has_display() then
    values.fail("%s: there is no display for a window (neither WAYLAND_DISPLAY nor DISPLAY is set)",
      where)
  end
  for _, name in ipairs(wanted == "window" and windows or { wanted }) do
    if offers(offered, name) then return name end
  end
  return values.fail("%s: this gnuplot has no terminal for a window (%s): install the package "
    .. "gnuplot-qt or gnuplot-x11", where, wanted == "window" and "qt, wxt, x11" or wanted)
end

-- Named datablocks inside a multiplot and tables into them need 5.2; later versions take the same
-- commands, because there is no inline data, which 6.0 refuses there.
local function check_version(where)
  local version, message = gnuplot.version()
  if not version then values.fail("%s: %s", where, (message:gsub("^[%w.]+: ", ""))) end
  local number = tonumber(version:match "^%d+%.%d+")
  if not number or number < 5.2 then
    values.fail("%s: this gnuplot is version %s: 5.2 or later is needed", where, version)
  end
end

local told_of_windows = false

-- There is a display, and this gnuplot has no window for it: said once.
local function tell_of_windows()
  if told_of_windows then return end
  told_of_windows = true
  io.stderr:write("perigee: this gnuplot has no terminal for a window; the package gnuplot-qt (or "
    .. "gnuplot-x11) has one\n")
end

-- Settle what depends on this gnuplot. A window that nobody asked for gives way to a file.
local function settle(where, name, target)
  check_version(where)
  local offered, message = gnuplot.terminals(where)
  if not offered then values.fail("%s", message) end
  if target.format == "window" then
    if not target.asked and not (offers(offered, "qt") or offers(offered, "wxt")
        or offers(offered, "x11")) then
      tell_of_windows()
      return perigee.terminal().output and { format = "text" }
        or { format = "png", file = name .. ".png", announced = true }
    end
    target.terminal = window_terminal(where, target.window, offered)
  elseif target.format == "pdf" and not offers(offered, "pdfcairo") then
    values.fail("%s: this gnuplot has no terminal for PDF (pdfcairo): write .svg or .png", where)
  elseif target.format == "tex" and not offers(offered, "tikz") then
    values.fail("%s: this gnuplot has no terminal for LaTeX (tikz): write .pdf", where)
  end
  return target
end

-- ---- Scripts -------------------------------------------------------------------------------------

local function script_path(file)
  return gnuplot.quote_path(file:sub(1, 1) == "/" and file or "./" .. file)
end

-- Whether images are drawn square by square.
local function in_squares(where, figure, format)
  local count = 0
  for _, panel in ipairs(figure.panels) do
    local picture, shading = rawget(panel, "picture"), rawget(panel, "shading")
    if picture then count = count + picture.height * picture.width end
    if shading then count = count + shading.rows * shading.columns end
    for _, series in ipairs(format == "tex" and panel.series or {}) do
      if series.kind == "regions" then count = count + #series.codes end
    end
  end
  if format == "tex" and count > SVG_SQUARES then
    values.fail("%s: its images have %d squares, more than the %d that LaTeX takes: write .pdf", where, count,
      SVG_SQUARES)
  end
  return (format == "svg" or format == "html" or format == "tex") and count <= SVG_SQUARES
end

-- The commands for the terminal, and those that draw.
local function commands(where, figure, target, options)
  local scale = values.number(where, options, "scale", 0.25, 8, figure.look.dots)
  return terminals.setup(figure, target, scale),
    figures.commands(figure, terminals.manner(figure, target.format,
      in_squares(where, figure, target.format)))
end

-- What made a script stands in it, as in every file that is saved.
local function heading()
  return f("# Drawn by gnuplot 5.4 or later; the data is inside.\n# %s\nreset\n", perigee.header())
end

-- Everything in one text, with its data, for any gnuplot from 5.4 on.
local function script(where, figure, target, options)
  if target.format == "html" or target.format == "text" then
    -- the page's picture, or what a terminal shows, as a file that gnuplot alone can make
    target = { format = target.format == "html" and "svg" or "png", file = target.file or "figure.png" }
    target.file = target.file:gsub("%.[hH][tT][mM][lL]$", ".svg")
  end
  local terminal, body = commands(where, figure, target, options)
  return heading() .. terminal
    .. "set output " .. script_path(target.file) .. "\n" .. body .. "unset output\n"
end

local function write_file(where, file, text)
  local fine, message = native.write_file(file, text)
  if not fine then values.fail("%s: cannot write %s", where, message) end
  return file
end

-- ---- Without gnuplot -----------------------------------------------------------------------------

-- A PNG of the figure's images at their places, if it has nothing else; words are left out.
local function images_alone(where, figure, target, options)
  local scale, images = values.number(where, options, "scale", 0.25, 8, figure.look.dots), {}
  figures.layout(figure)
  for _, panel in ipairs(figure.panels) do
    local p, box = rawget(panel, "picture"), panel.box
    if not p then return false end
    local numbers = p.channels == 1 and p.numbers:reshape(p.height, p.width)
      or p.numbers:reshape(3, p.height, p.width)
    images[#images + 1] = { value = numbers, low = p.low, high = p.high, map = p.map,
      left = box.left * scale, right = box.right * scale, top = box.top * scale,
      bottom = box.bottom * scale }
  end
  local fine, message = gnuplot.png { where = where, file = target.file, comment = perigee.header(),
    dots = 96 * scale, images = images, width = math.floor(figure.width * scale + 0.5),
    height = math.floor(figure.height * scale + 0.5) }
  if not fine then values.fail("%s", message) end
  io.stderr:write(f("perigee: %s: gnuplot was not found, so %s has the images without words: install "
    .. "the package gnuplot-nox (or gnuplot)\n", where, target.file))
  return true
end

-- The program goes on: it draws images by itself, writes the script of everything else, and says on stderr
-- what is missing.
local function without_gnuplot(where, name, figure, target, options)
  if target.format == "window" and target.asked then
    values.fail("%s: gnuplot was not found: install the package gnuplot-qt or gnuplot-x11", where)
  elseif target.format == "text" or target.format == "window" then
    local text = text_view.images(figure)
    if text then
      io.write(text)
      return
    end
    target = { format = "png", file = name .. ".png" }
  end
  if target.format == "png" and images_alone(where, figure, target, options) then return target.file end
  local file = script_name(target.file)
  write_file(where, file, script(where, figure, target, options))
  local message = f("%s: gnuplot was not found, so %s was not drawn: install the package "
    .. "gnuplot-nox (or gnuplot) and run: gnuplot %s", where, target.file, file)
  io.stderr:write("perigee: ", message, "\n")
  return file, message
end

-- ---- With it -------------------------------------------------------------------------------------

-- A picture drawn by gnuplot as a string, for `what`, a file's name: the name that it has in /tmp
-- meanwhile tells nobody anything. Its SVG takes what makes letters heavier for a part of their font's
-- name, which no font has.
local function drawn_text(where, what, format, terminal, body, timeout)
  local made, file = pcall(os.tmpname)
  if not made then values.fail("%s: cannot write: no temporary file can be made in /tmp", where) end
  local fine, message = gnuplot.draw { where = where, signature = perigee.header(), terminal = terminal,
    body = body, file = file, format = format, timeout = timeout }
  local handle = fine and io.open(file, "rb")
  local text = handle and handle:read "a"
  if handle then handle:close() end
  os.remove(file)
  if not fine then
    local first, last = message:find(file, 1, true)
    if first then
      message = ("%s%s (in /tmp)%s"):format(message:sub(1, first - 1), what, message:sub(last + 1))
    end
    values.fail("%s", message)
  end
  return format == "svg" and text:gsub(':Bold"', '" font-weight="bold"') or text
end

local function draw(where, figure, target, options, timeout)
  if target.format == "text" then
    io.write(text_view.text(figure, gnuplot.terminals(where), function(format, terminal, body)
      return drawn_text(where, "the picture", format, terminal, body, timeout)
    end))
    return nil
  end
  local terminal, body = commands(where, figure, target, options)
  if target.format == "tex" then
    local drawn = drawn_text(where, target.file, "letters", terminal, body, timeout)
    if not drawn:find("\\end{tikzpicture}", 1, true) then
      values.fail("%s: %s was not written: gnuplot's picture is incomplete", where, target.file)
    end
    return write_file(where, target.file, tikz.document(figure, drawn, target.file))
  elseif target.format == "html" then
    local svg = drawn_text(where, target.file, "svg", terminal, body, timeout)
    return write_file(where, target.file, html.page(figure, svg))
  elseif target.format == "svg" then
    return write_file(where, target.file, drawn_text(where, target.file, "svg", terminal, body, timeout))
  end
  local fine, message = gnuplot.draw { where = where, signature = perigee.header(), terminal = terminal,
    body = body, file = target.file, format = target.file and target.format, timeout = timeout,
    dots = 96 * (options.scale or figure.look.dots) }
  if not fine then values.fail("%s", message) end
  return target.file
end

-- ---- Public --------------------------------------------------------------------------------------

-- The figure with the look that the options say.
local function dressed(where, figure, options)
  local changed = figure.fit
  for _, key in ipairs(values.look_options) do changed = changed or options[key] ~= nil end
  if not changed then return figure end
  return figures.dressed(figure, theme.look(where, options, figure.look), options)
end

-- Draw the figure of the recipe `name` where the options say. Returns the path that was written
-- (no value at all for a window or the terminal); without gnuplot that of the script, and a message.
function output.deliver(where, name, figure, options)
  local target = choose(where, name, options)
  local timeout = values.number(where, options, "timeout", 0.01, 86400, 60)
  figure = dressed(where, figure, options)
  if target.format ~= "text" then figures.check_room(where, figure) end
  if target.script then
    target.file = target.script:gsub("%.[gG][pP]$", "") .. "." .. target.format
    return write_file(where, target.script, script(where, figure, target, options))
  end
  if not gnuplot.find() then return without_gnuplot(where, name, figure, target, options) end
  target = settle(where, name, target)
  local file = draw(where, figure, target, options, timeout)
  if target.announced then print(file) end
  if file then return file end -- and not nil, which a prompt would show
end

-- Where a picture with these options goes: { format =, file =, announced = }.
function output.place(where, name, options)
  return choose(where, name, options)
end

-- The figure as the terminal shows it.
function output.text(where, figure)
  if not gnuplot.find() then
    values.fail("%s: gnuplot was not found: install the package gnuplot-nox", where)
  end
  return text_view.text(figure, gnuplot.terminals(where), function(format, terminal, body)
    return drawn_text(where, "the picture", format, terminal, body, 60)
  end)
end

-- The figure as SVG, for a page that holds it: its images embedded, sharp where the page says so. Without
-- gnuplot nil.
function output.svg(where, figure)
  if not gnuplot.find() then return nil end
  check_version(where)
  local terminal = terminals.setup(figure, { format = "svg" }, figure.look.dots)
  local body = figures.commands(figure, terminals.manner(figure, "svg"))
  return drawn_text(where, "the picture", "svg", terminal, body, 60)
end

-- The script that draws the same, as text.
function output.script(where, name, figure, options)
  local target = choose(where, name, options)
  figure = dressed(where, figure, options)
  if target.format == "window" then
    target.terminal = target.window == "window" and windows[1] or target.window
    local terminal, body = commands(where, figure, target, options)
    return heading() .. terminal .. body
  end
  if target.script then
    target.file = target.script:gsub("%.[gG][pP]$", "") .. "." .. target.format
  end
  return script(where, figure, target, options)
end

return output
