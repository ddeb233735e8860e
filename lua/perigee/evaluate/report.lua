-- evaluate.report: evaluations, results of attacks and diagnoses on one page of HTML that needs nothing else.
--
-- Every kind of subject has its section (report/): a function of the report and the subject that answers a
-- title and a list of parts, in markup (perigee/markup.lua). The same subjects give the same page, to the
-- byte.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local convention_of = require "perigee.conventions"
local export = require "perigee.export"
local markup = require "perigee.markup"
local page = require "perigee.evaluate.report.page"
local parts = require "perigee.evaluate.report.parts"
local values = require "perigee.plot.values"

local WHERE = parts.where

local sections = {
  diagnosis = require("perigee.evaluate.report.diagnosis").section,
  result = require "perigee.evaluate.report.result",
  security = require "perigee.evaluate.report.security",
}

-- ---- Subjects ------------------------------------------------------------------------------------

-- By the metatable: what users make can call itself whatever it likes.
local function kind_of(value)
  local meta = debug.getmetatable(value)
  for kind in pairs(sections) do
    if meta ~= nil and meta == debug.getregistry()["perigee." .. kind] then return kind end
  end
end

local SUBJECT = "what evaluate.security, an attack's run or evaluate.diagnose gave"

local function check_samples(list)
  for i, entry in ipairs(list) do
    if entry.kind == "result" and #entry.subject == 0 then
      blame.fail("%s: number %d: there are no samples in this result", WHERE, i)
    end
  end
  return list
end

-- A list of { subject =, kind =, title = (or nil) }.
local function entries_of(subject)
  if kind_of(subject) then return { { subject = subject, kind = kind_of(subject) } } end
  local list = {}
  if type(subject) ~= "table" or #subject == 0 then
    arguments.expected(WHERE, "subject", SUBJECT .. ", or a list of such", subject)
  end
  for i = 1, arguments.count(subject) do
    local value = subject[i]
    local title
    if not kind_of(value) and type(value) == "table" and type(value[1]) == "string" then
      title, value = value[1], value[2]
    end
    local kind = kind_of(value) or arguments.expected(WHERE, ("number %d"):format(i), SUBJECT, value)
    list[i] = { subject = value, kind = kind, title = title }
  end
  return list
end

-- ---- What made it --------------------------------------------------------------------------------

-- A word as a shell takes it.
local function quoted(word)
  return word:find "[^%w_./=,:+@-]" and "'" .. word:gsub("'", "'\\''") .. "'" or word
end

-- The command that runs, as it was typed.
local function command()
  local words, given, last = { "perigee" }, rawget(_G, "arg"), 0
  if type(given) ~= "table" then return words[1] end
  while given[last - 1] ~= nil do last = last - 1 end
  for i = last + 1, #given do words[#words + 1] = quoted(tostring(given[i])) end
  return table.concat(words, " ")
end

local function footer(date)
  return parts.paragraph("Written by %s%s, by the command %s.", markup.text(perigee.header()),
    date and " on " .. markup.name(date) or "", markup.element("code", {}, markup.text(command())))
end

-- ---- The function --------------------------------------------------------------------------------

local function check(path, options)
  if type(path) ~= "string" or path == "" then arguments.expected(WHERE, "path", "a file's name", path) end
  arguments.only(WHERE, options, { "title", "text", "rejection", "date", "names" })
  values.names(WHERE, options)
  for _, name in ipairs { "title", "text" } do values.option(WHERE, options, name, "string") end
  if options.date ~= nil and type(options.date) ~= "boolean" and type(options.date) ~= "string" then
    arguments.expected(WHERE, "date", "true, or a text", options.date)
  end
end

--- Write the page of these subjects: one, or a list of such or of { title, subject }. Answers the path.
return function(subject, path, options)
  options = options == nil and {} or options
  check(path, options)
  local report = { figures = 0, rejection = options.rejection, names = options.names,
    convention = convention_of(WHERE, options.rejection) }
  local made = {}
  for i, entry in ipairs(check_samples(entries_of(subject))) do
    local title, list = sections[entry.kind](report, entry.subject)
    made[i] = { title = entry.title and markup.name(entry.title) or title, body = table.concat(list, "\n") }
  end
  local date = options.date == true and os.date "%Y-%m-%d" or options.date or nil
  return export.write(WHERE, path, page.document({ title = options.title or "Perigee report",
    text = options.text, footer = footer(date) }, made))
end
