/* digit_skeletons.h — how people write digits: the paths of the pen, for digits.c.
 *
 * A skeleton's strokes are text, "x,y x,y … / x,y …": points in hundredths of a box whose y grows
 * downwards, joined by a smooth curve; " / " lifts the pen or makes a corner. Equal points of a
 * skeleton are the same point: they move together. */
#ifndef PERIGEE_DATA_DIGIT_SKELETONS_H
#define PERIGEE_DATA_DIGIT_SKELETONS_H

typedef struct DigitSkeleton {
    int digit;
    double weight; /* how often, among the skeletons of its digit */
    const char *strokes;
} DigitSkeleton;

/* Sorted by digit; ends with digit −1. */
extern const DigitSkeleton digit_skeletons[];

#endif
