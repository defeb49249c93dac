/*
 * From an attempt's score to the grade that FSRS asks for. The page /progress/ shows these rules as a table: change both.
 *
 * The target is the row of the levels table that is the question's own difficulty. A row counts only if all rows above it
 * in the table, which are lower levels, were met as well.
 */

const AGAIN = 1;
const HARD = 2;
export const GOOD = 3;
const EASY = 4;

export const GRADES = { [AGAIN]: "Again", [HARD]: "Hard", [GOOD]: "Good", [EASY]: "Easy" };

/** The best grade after so many hints: none, one, two or more. */
const AFTER_HINTS = [EASY, GOOD, HARD];

/** Beyond this share of the question's minutes an attempt is no longer Easy. */
export const OVERTIME = 1.25;

/** The best grade that is still open. */
export function bestGrade({ hints, early, seconds = 0, minutes = 1 }) {
  if (early) return AGAIN;
  const late = seconds > minutes * 60 * OVERTIME ? GOOD : EASY;
  return Math.min(late, AFTER_HINTS[Math.min(hints, AFTER_HINTS.length - 1)]);
}

/** The row that counts, from 0; -1 if not even the first was met, or the page has no levels. */
function levelReached({ levels, met }) {
  let reached = -1;
  while (reached + 1 < levels.length && met.includes(reached + 1)) reached += 1;
  return reached;
}

/** What the level that counts is called. */
export function levelText(attempt) {
  const reached = levelReached(attempt);
  if (reached >= 0) return attempt.levels[reached];
  return attempt.levels.length ? `Below ${attempt.levels[0]}` : "No level";
}

/** The grade: Again, Hard, Good or Easy, as 1 to 4. */
export function gradeOf(attempt) {
  return Math.min(scored(attempt), bestGrade(attempt));
}

function scored({ levels, met, target, signals }) {
  const count = signals.filter((signal) => signal.met).length;
  const half = count * 2 >= signals.length;
  const all = count === signals.length;
  // A page whose answer is pending has no levels: the signals alone decide.
  if (target < 0) return signals.length && all ? GOOD : signals.length && half ? HARD : AGAIN;
  const reached = levelReached({ levels, met });
  if (reached > target || (reached === target && target === levels.length - 1 && all)) return EASY;
  if (reached === target) return GOOD;
  return reached === target - 1 && half ? HARD : AGAIN;
}
