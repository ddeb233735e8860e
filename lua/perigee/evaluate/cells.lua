-- The cells of an evaluation (security.lua): the samples of one model, one attack or noise, and one repeat,
-- at all radii. What is counted or measured of several attacks is of the samples that all of them have
-- attacked, the worst counting.

local piece = require "perigee.evaluate.piece"

local cells = {}

--- The attack that noise is named as.
cells.NOISE = "noise"

--- The rows of that name as nested lists, made once; nil where the cell has none.
function cells.lists(cell, name)
  cell.lists = cell.lists or {}
  local rows = cell.rows[name]
  if rows and not cell.lists[name] then cell.lists[name] = rows:totable() end
  return cell.lists[name]
end

--- Of the attacks' verdicts of one sample the worst, and whose it is: evaded, then the first that is one.
function cells.worst(verdicts)
  local first, of = piece.FAILED, 1
  for c, verdict in ipairs(verdicts) do
    if verdict == piece.EVADED then return piece.EVADED, c end
    if first == piece.FAILED and verdict ~= piece.FAILED then first, of = verdict, c end
  end
  return first, of
end

--- Where in each cell of a group the samples are that all of them have: a list of positions for each.
function cells.shared(group)
  local found, order = {}, {}
  for c, cell in ipairs(group) do
    for i, at in ipairs(cells.lists(cell, "at")) do
      if c == 1 then
        found[at], order[i] = { i }, at
      elseif found[at] and #found[at] == c - 1 then
        found[at][c] = i
      end
    end
  end
  local places = {}
  for _, at in ipairs(order) do
    if #found[at] == #group then places[#places + 1] = found[at] end
  end
  return places
end

--- Column k of the cells' rows at one sample's places.
function cells.column(group, places, name, k)
  local values = {}
  for c, cell in ipairs(group) do
    local rows = cells.lists(cell, name)
    values[c] = rows and rows[places[c]][k]
  end
  return values
end

local function is_of(cell, model, attack, seed)
  local noise = attack == cells.NOISE
  return cell.model == model and cell.noise == noise and (seed == nil or cell.seed == seed)
    and (noise or attack == nil or cell.attack == attack)
end

--- The cells of a model under an attack, noise or all attacks (nil), of one repeat or all (nil): groups of
-- one
--- repeat each, those of repeats where every attack is there.
function cells.groups(self, model, attack, seed)
  local groups, order, whole = {}, {}, {}
  for _, cell in ipairs(self.cells) do
    if is_of(cell, model, attack, seed) then
      if not groups[cell.seed] then
        groups[cell.seed] = {}
        order[#order + 1] = groups[cell.seed]
      end
      table.insert(groups[cell.seed], cell)
    end
  end
  for _, group in ipairs(order) do
    if #group == (attack and 1 or #self.attacks) then whole[#whole + 1] = group end
  end
  return whole
end

return cells
