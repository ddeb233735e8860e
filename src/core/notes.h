/* notes.h — what an interrupted call leaves behind, one sentence: "stopped at epoch 3 of 30; …".
 *
 * The core says nothing itself: whoever tells the user of the interrupt asks for the note. */
#ifndef PERIGEE_CORE_NOTES_H
#define PERIGEE_CORE_NOTES_H

/* Leave a note. The last one counts, being the outermost call's. Nothing happens where no interrupt
 * is pending (progress.h). What a terminal would obey becomes visible (printable.h). Each context
 * has a note of its own. */
__attribute__((format(printf, 1, 2))) void note_leave(const char *format, ...);

const char *note_left(void); /* "" if there is none; valid until the next call here */
void note_forget(void);

#endif
