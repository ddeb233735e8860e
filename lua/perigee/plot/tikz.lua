-- A figure for LaTeX: what gnuplot's tikz terminal writes, with the commands and styles that it is written
-- in, so that the file needs the package tikz and nothing else.

local tikz = {}

-- Dashes and marks are those of gnuplot's other terminals, by its numbers.
local COMMANDS = [[
\begingroup
\usetikzlibrary{plotmarks}
\def\gpcolor#1{\tikzset{global #1}}
\def\gpsetbgcolor#1{\definecolor{gpbgfillcolor}{rgb}{#1}\fill[gpbgfillcolor] (0,0) rectangle (@size@);}
\def\gpsetlinetype#1{\tikzset{gp path/.style={}}}
\def\gpsetdashtype#1{\tikzset{gp path/.style={#1}}}
\def\gpsetlinewidth#1{\pgfmathsetlength\pgflinewidth{#1*@line@}\pgfsetlinewidth{\pgflinewidth}}
\def\gpsetpointsize#1{\tikzset{gp point/.style={mark size=#1*@mark@}}}
\def\gppoint#1#2{\path[solid] plot[only marks,gp point,#1] coordinates {#2};}
\def\gp3point#1#2#3{\gppoint{#1}{#3}}
\def\gpfill#1{\path[line width=0.04pt,draw,fill,#1]}
\colorlet{gp lt color border}{black}\colorlet{gp lt color axes}{black}\colorlet{gpbgfillcolor}{white}
\tikzset{
  gnuplot/.style={line cap=round,line join=round},
  rgb color/.code={\definecolor{gpcolor}{rgb}{#1}\tikzset{color=gpcolor}},
  global rgb color/.code={\definecolor{gpcolor}{rgb}{#1}\color{gpcolor}},
  global color/.code={\color{#1}},
  gp node left/.style={anchor=mid west,inner sep=0pt},
  gp node center/.style={anchor=mid,inner sep=0pt},
  gp node right/.style={anchor=mid east,inner sep=0pt},
  gp path/.style={},gp point/.style={},
  gp dt solid/.style={solid},gp dt axes/.style={solid},gp dt 1/.style={solid},
  gp dt 2/.style={dash pattern=on 4\pgflinewidth off 4\pgflinewidth},
  gp dt 3/.style={dash pattern=on 0.1\pgflinewidth off 2.5\pgflinewidth},
  gp dt 4/.style={dash pattern=on 5\pgflinewidth off 2.5\pgflinewidth on 0.1\pgflinewidth
    off 2.5\pgflinewidth},
  gp dt 5/.style={dash pattern=on 5\pgflinewidth off 2.5\pgflinewidth on 0.1\pgflinewidth
    off 2.5\pgflinewidth on 0.1\pgflinewidth off 2.5\pgflinewidth},
  gp mark 0/.style={mark=*,mark size=.5\pgflinewidth},gp mark 1/.style={mark=+},gp mark 2/.style={mark=x},
  gp mark 3/.style={mark=star},gp mark 4/.style={mark=square},gp mark 5/.style={mark=square*},
  gp mark 6/.style={mark=o},gp mark 7/.style={mark=*},gp mark 8/.style={mark=triangle},
  gp mark 9/.style={mark=triangle*},gp mark 10/.style={mark=triangle,mark options={rotate=180}},
  gp mark 11/.style={mark=triangle*,mark options={rotate=180}},
  gp mark 12/.style={mark=diamond},gp mark 13/.style={mark=diamond*},
}
]]

-- What gnuplot drew (`picture`) as a file to be \input; `name` is the file's.
function tikz.document(figure, picture, name)
  local weight = figure.look.weight
  local parts = { line = ("%gpt"):format(0.5 * weight), mark = ("%gpt"):format(0.5 * weight),
    size = ("%.4gin,%.4gin"):format(figure.width / 96, figure.height / 96) }
  local drawn = (picture:match "\\begin{tikzpicture}.-\\end{tikzpicture}" or picture)
    :gsub("\n%%%%[^\n]*", ""):gsub("\n\\gpdefrectangularnode[^\n]*", "")
  return ("%% %s\n%% In a document that has \\usepackage{tikz}: \\input{%s}\n"):format(perigee.header(),
    (name:match "[^/]*$":gsub("[%c]", " "))) .. COMMANDS:gsub("@(%a+)@", parts) .. drawn .. "\n\\endgroup\n"
end

return tikz
