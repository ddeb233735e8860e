-- The section of a diagnosis: what alarms, and what every indicator has measured.

local markup = require "perigee.markup"
local parts = require "perigee.evaluate.report.parts"
local text = require "perigee.text"

local diagnosis_of = {}

--- What alarms, what it means and what to do next; or that nothing does.
function diagnosis_of.alarms(diagnosis)
  if diagnosis.ok then
    return parts.paragraph "No indicator raises an alarm; that alone proves no robustness."
  end
  if #diagnosis.alarms == 0 then return parts.paragraph "Nothing was attacked: there is nothing to judge." end
  local items = {}
  for i, one in ipairs(diagnosis.alarms) do
    local samples = #one.samples > 0 and (" (samples %s)"):format(text.positions(one.samples)) or ""
    local detail = one.detail and "; " .. markup.text(one.detail) or ""
    items[i] = ("%s: %d of %d %s%s%s. It means: %s. Next: %s."):format(
      markup.element("b", {}, markup.text(one.title)), one.count, one.of, markup.text(one.measures), samples,
      detail, markup.text(one.meaning), markup.text(one.next))
  end
  return parts.alarm("Alarms: that samples held proves nothing", items)
end

local columns = {
  { title = "indicator", words = true }, { title = "state", words = true }, { title = "count" },
  { title = "of" }, { title = "what is counted", of = "measures", words = true },
}

--- The indicators in a table; all of them, or those that were measured.
function diagnosis_of.indicators(diagnosis, all)
  local rows = {}
  for _, one in ipairs(diagnosis.indicators) do
    if one.measured or all then
      rows[#rows + 1] = { indicator = one.title, count = one.count, of = one.of, measures = one.measures,
        state = one.alarm and "ALARM" or one.measured and "fine" or "not measured: " .. tostring(one.reason) }
    end
  end
  return parts.heading("Indicators") .. "\n" .. markup.table(columns, { rows })
end

--- The title and the parts of its section.
function diagnosis_of.section(_, diagnosis)
  local result = diagnosis.result
  return ("Diagnosis of %s on %s"):format(markup.name(result.attack), markup.name(result.model)), {
    parts.paragraph("%s.", markup.text(diagnosis.subject)),
    diagnosis.interrupted
      and parts.alarm("Interrupted", {}, "It was stopped before its end: not everything was measured.") or "",
    diagnosis_of.alarms(diagnosis), diagnosis_of.indicators(diagnosis, true),
    parts.paragraph("%s of single samples were spent.", parts.plural(diagnosis.gradients, "gradient")),
  }
end

return diagnosis_of
