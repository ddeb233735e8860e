/* csv.h: a table of text, and what its labels are called. See tests/fuzz/run. */
#include "fuzz.h"

#include "data/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Error err = { 0 };
    CsvNotes notes;
    CsvOptions options = csv_initial;
    options.missing = size % 2 ? CSV_MISSING_SKIP : CSV_MISSING_ERROR;
    dataset_free(csv_parse("fuzz", bytes, size, &options, &notes, &err));
    class_names_clear(&notes.classes);
    return 0;
}
