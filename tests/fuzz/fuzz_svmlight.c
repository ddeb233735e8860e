/* svmlight.h: lines of index:number. Few columns, so that no time goes into zeros. See
 * tests/fuzz/run. */
#include "fuzz.h"

#include "data/svmlight.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Error err = { 0 };
    SvmlightOptions options = svmlight_initial;
    options.features = 1000;
    dataset_free(svmlight_parse("fuzz", bytes, size, &options, &err));
    return 0;
}
