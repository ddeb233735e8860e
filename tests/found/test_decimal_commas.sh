# In a locale that writes 1,5 a CSV file had commas inside its numbers, and gnuplot refused every script.
. tests/cli/tap.sh

if ! command -v localedef > /dev/null 2>&1; then
    skip "numbers in a locale with a decimal comma" "there is no localedef"
    finish
    exit 0
fi

# The locale "comma", of ASCII alone: the system need not have the sources of any.
{
    printf '<code_set_name> ASCII\n<mb_cur_max> 1\n<escape_char> /\nCHARMAP\n'
    awk 'BEGIN { for (i = 0; i < 128; i++) printf "<U%04X> /x%02x\n", i, i }'
    echo 'END CHARMAP'
} > "$work/ascii"
cat > "$work/comma.src" <<'END'
escape_char /
LC_CTYPE
upper <U0041>..<U005A>
lower <U0061>..<U007A>
space <U0009>..<U000D>;<U0020>
toupper (<U0061>,<U0041>)
tolower (<U0041>,<U0061>)
END LC_CTYPE
LC_NUMERIC
decimal_point "<U002C>"
thousands_sep "<U002E>"
grouping 3;3
END LC_NUMERIC
END
localedef -c -i "$work/comma.src" -f "$work/ascii" "$work/comma" > /dev/null 2>&1
LOCPATH=$work
export LOCPATH

# What writes numbers, into the folder of that name, and what reads them again.
cat > "$work/numbers.lua" <<'END'
local folder, locale = arg[1], arg[2]
if locale then assert(os.setlocale(locale)) end
local function into(name) return folder .. "/" .. name end
local digits = data.digits(60, { seed = 1 })
local model = svm.new { kernel = svm.rbf(0.015625), C = 1.5 }:fit(digits)
local pgd = attack.pgd { model = model, dmax = 0.75, norm = "l2", max_iter = 2 }
local result = pgd:run(digits:slice(1, 4))
result:csv(into "result.csv")
result:save(into "result.safetensors")
model:save(into "model.safetensors")
data.save_npy(into "x.npy", array.new { 0.5, 2.25 })
local curve = evaluate.security { models = { model }, data = digits:slice(1, 6), attacks = pgd, dmax = { 0, 0.5 } }
curve:csv(into "curve.csv")
local figure = plot.figure { width = 300, height = 200 }
figure:line({ 0.5, 1.25, 2.75 }, { 3.5, 0.125, 1.5 })
for _, ending in ipairs { "svg", "html", "gp" } do figure:save(into("figure." .. ending)) end
print(data.npy(into "x.npy"), perigee.load(into "model.safetensors").C, result, curve)
print(1.5, ("%.3f %g"):format(2.5, 0.125), tonumber "1.5", load "return 2.5"(), tonumber "1,5")
END
numbers() { # name [locale]: the script's folder, and the session's words beside it
    mkdir "$work/$1"
    run_perigee --quiet "$work/numbers.lua" "$work/$1" ${2:+"$2"}
    sed -i "s|$work/$1|FOLDER|" "$work/$1/figure.gp" 2> /dev/null
    sed -i "s/,[^,]*$//" "$work/$1/curve.csv" && # its seconds
        echo "$status $out $err" > "$work/$1/words"
}
same() { # title name
    check_equal "$1" "$(diff -r "$work/plain" "$work/$2" 2>&1 | cut -c 1-300)" ""
}

numbers plain
check_match "the script runs" "$(cat "$work/plain/words")" "0 *1.5*2.500 0.125*1.5*2.5*nil*"
numbers set comma
same "numbers are the same after os.setlocale" set
LC_ALL=comma numbers environment
same "and in an environment of that locale" environment
if LC_ALL=de_DE.UTF-8 LOCPATH= locale charmap 2> /dev/null | grep -q UTF-8; then
    LOCPATH= numbers german de_DE.UTF-8
    same "and in German" german
fi

run_perigee -e 'print(os.setlocale("comma", "time"), os.setlocale("comma", "numeric"), os.setlocale("comma"),
    os.setlocale("C", "numeric"), os.setlocale("nonesuch"), 1.5)
    local now = os.setlocale()
    print(os.setlocale("C"), os.setlocale(now) == now)'
check_match "dates and letters follow, numbers do not" "$out" \
    "comma	nil	*LC_NUMERIC=C;LC_TIME=comma;*	C	nil	1.5
C	true"

# A library that sets it behind Lua's back.
cat > "$work/comma.c" <<'END'
#include <locale.h>
int open_comma(void *L);
int open_comma(void *L) {
    (void)L;
    setlocale(LC_ALL, "comma");
    return 0;
}
END
if "${CC:-gcc}" -shared -fPIC -o "$work/comma.so" "$work/comma.c" 2> /dev/null; then
    run_perigee -e "assert(package.loadlib('$work/comma.so', 'open_comma'))()
        print(os.setlocale(nil, 'time'), 1.5, ('%g'):format(0.5))"
    check_equal "nor when a module asks for it" "$out" "comma	1.5	0.5"
else
    skip "nor when a module asks for it" "there is no compiler"
fi
finish
