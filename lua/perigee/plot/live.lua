-- plot.live: a curve of a training's loss and accuracy, of an attack's loss, or of what an evaluation has
-- counted so far, while it runs.
--
--   local history = plot.live(function() return nn.train(net, train, { epochs = 20 }) end)
--
-- It hears what core loops report (the words beside the progress bar), notes their numbers and draws now
-- and then: in a window, in the terminal, over and over in place, or into a file. A slow drawing delays
-- the next one, so that the run takes at most a fortieth longer. When the run is done the figure is drawn
-- once more. A picture that fails is reported and never ends the run.

local figures = require "perigee.plot.figure"
local kinds = require "perigee.kinds"
local output = require "perigee.plot.output"
local security = require "perigee.plot.security"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"

local native = require "perigee.native"

local gnuplot = native.gnuplot

-- The fewest seconds between two drawings, and by how many times its own duration a drawing delays the
-- next.
local EVERY, PATIENCE = 0.5, 40

-- What a loop's words tell: where it is (epochs or iterations), loss and accuracy.
local function read(detail, fraction)
  local epochs = tonumber(detail:match "epoch %d+/(%d+)")
  local iteration = tonumber(detail:match "iteration (%d+)")
  return {
    x = epochs and fraction * epochs or iteration or fraction,
    axis = epochs and "epoch" or iteration and "iteration" or "share done",
    loss = tonumber(detail:match "loss (%-?[%d.]+)"),
    accuracy = tonumber(detail:match "acc ([%d.]+)"),
  }
end

local function note(course, what, fraction, detail)
  local now = read(detail, fraction)
  if not now.loss then return end
  -- another loop: its curve begins anew
  local last = course.x[#course.x]
  if course.what ~= what or (last and now.x < last) then
    course.what, course.x, course.loss, course.accuracy = what, {}, {}, {}
  end
  course.axis = now.axis
  local n = #course.x + (last == now.x and course.what == what and 0 or 1)
  course.x[n], course.loss[n] = now.x, now.loss
  course.accuracy[n] = now.accuracy and now.accuracy / 100 or 0 / 0
end

-- The curves of an evaluation: of what is finished, or of what came of it.
local function evaluation_figure(course, options)
  local done = require("perigee.evaluate.sweep").current() or course.answer
  return kinds.of(done) == "security" and security.figure("plot.live", done, {
    title = options.title, width = options.width, height = options.height, alone = course.in_place,
  })
end

local function figure_of(course, options)
  if course.evaluates then return evaluation_figure(course, options) end
  -- two panels of letters are higher than a screen, and could not be drawn over
  local has_accuracy = not course.in_place
    and gnuplot.range(gnuplot.numbers(course.accuracy, "plot.live", "accuracy")) ~= nil
  local count = has_accuracy and 2 or 1
  local fig = figures.new { columns = count, title = options.title or course.what,
    width = options.width or 400 * count, height = options.height or 300 + style.figure_title }
  fig[1]:line(course.x, course.loss, { color = "blue" })
  fig[1].title, fig[1].xlabel = "loss", course.axis
  if has_accuracy then
    fig[2]:line(course.x, course.accuracy, { color = "vermillion" })
    fig[2].title, fig[2].xlabel = "accuracy", course.axis
  end
  return fig
end

-- One drawing; in the terminal over the one before it.
local function draw(course, options)
  local fig = figure_of(course, options)
  if not fig then return end
  if not course.in_place then return output.deliver("plot.live", "live", fig, options) end
  local text = output.text("plot.live", fig)
  -- the progress bar's line is taken away; it comes again below
  io.write("\r\27[K", course.lines and ("\27[%dA"):format(course.lines) or "",
    (text:gsub("\n", "\27[K\n")))
  io.flush()
  course.lines = select(2, text:gsub("\n", ""))
end

local function hear(course, options)
  return function(what, fraction, detail)
    course.evaluates = what == "security"
    if not course.evaluates then note(course, what, fraction, detail) end
    local now = perigee.clock()
    if not course.live or not (course.evaluates or #course.x >= 2) or now < course.next then return end
    draw(course, options)
    local finished = perigee.clock()
    course.drawings = course.drawings + 1
    course.next = finished + math.max(EVERY, PATIENCE * (finished - now))
  end
end

-- Whose listener it is. What a coroutine that nobody goes on with has begun is over.
local owner = setmetatable({}, { __mode = "v" })
local function forget_left()
  local left = not owner.thread or coroutine.status(owner.thread) == "dead"
  if owner.listens and left then gnuplot.listen(nil) end
end

local function live(run, options)
  local where = "plot.live"
  if type(run) ~= "function" then
    values.expected(where, "run", "a function that trains or attacks", run)
  end
  options = values.options(where, options, {})
  values.option(where, options, "title", "string")
  for _, side in ipairs { "width", "height" } do values.number(where, options, side, 100, 10000) end
  local place = output.place(where, "live", options)
  local course = { x = {}, loss = {}, accuracy = {}, next = perigee.clock() + EVERY, drawings = 0,
    live = not place.announced, in_place = place.format == "text" }
  forget_left()
  gnuplot.listen(hear(course, options))
  owner.thread, owner.listens = coroutine.running(), true
  local answers = table.pack(pcall(run))
  local message = gnuplot.listen(nil)
  owner.listens = nil
  course.answer = answers[2]
  if perigee.interrupted() then
    message = nil -- what a drawing says that was interrupted
  elseif not message and (course.evaluates or #course.x > 0) then
    local fine
    fine, message = pcall(draw, course, options)
    message = not fine and message or nil
  end
  if message then io.stderr:write("perigee: ", native.printable(message), "\n") end
  if not answers[1] then error(answers[2], 0) end
  return table.unpack(answers, 2, answers.n)
end

return live
