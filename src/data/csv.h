/* csv.h — tables as text: a row a sample, a column a feature, one column the labels.
 *
 *     sepal,petal,kind          a header, or none
 *     5.1,1.4,setosa            numbers with a decimal point; fields may be "quoted"
 *     "6.3",6,virginica
 *
 * Fields are divided by a comma, a semicolon, a tab or a bar (found in the first line, where it is
 * not said) and may be quoted, a quote inside doubled; blanks around them and empty lines do not
 * count. Labels are whole numbers as they stand or, if any of them is no number, texts: these
 * become 0, 1, … in the order of their bytes. A field that is missing ("", NA, N/A, nan, null,
 * none, ?) is an error with its line, or leaves its row out. */
#ifndef PERIGEE_DATA_CSV_H
#define PERIGEE_DATA_CSV_H

#include "core/fields.h"
#include "data/dataset.h"
#include "data/names.h"

#include <limits.h>

typedef enum CsvHeader { CSV_HEADER_AUTO, CSV_HEADER_YES, CSV_HEADER_NO } CsvHeader;
typedef enum CsvMissing { CSV_MISSING_ERROR, CSV_MISSING_SKIP } CsvMissing;

enum { CSV_COLUMN_USUAL = INT_MIN };

typedef struct CsvOptions {
    CsvHeader header;
    const char *label; /* the column's name, or NULL: */
    ptrdiff_t column;  /* its place from 1, or from −1 at the end; CSV_COLUMN_USUAL: the one that
                          a header calls label, class, target or y, else the last */
    const char *delimiter; /* NULL: found */
    int missing;           /* a CsvMissing */
    const char *source;    /* NULL: the path */
} CsvOptions;

extern const Field csv_fields[];
extern const CsvOptions csv_initial;

/* What else is in a file. */
typedef struct CsvNotes {
    ClassNames classes; /* of labels that are texts; the caller's to clear */
    size_t left_out;    /* rows with missing fields */
} CsvNotes;

/* `notes` is overwritten, and empty where this fails. */
Dataset *csv_load(const char *path, const CsvOptions *options, CsvNotes *notes, Error *err);
Dataset *csv_parse(const char *name, const void *bytes, size_t size, const CsvOptions *options,
                   CsvNotes *notes, Error *err);

/* A header x1, x2, …, label, then a row for each sample, in as few digits as give its numbers
 * again. Labels are written as what they are called where reading gives the same labels for that,
 * 0, 1, … in the names' order, and as numbers otherwise. */
bool csv_save(const Dataset *dataset, const char *path, Error *err);

#endif
