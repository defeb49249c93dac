/*
 * Questions and pages, best first, for whatever a reader types. MiniSearch finds and scores; what is added here is what a
 * catalog knows and an engine cannot: which words are spelled wrong, and which phrases are names.
 *
 * tests/site/test_search.py measures it; the weights are those that did best on the queries for tuning.
 */

import MiniSearch from "../../vendor/minisearch.js";
import { indexed, keyWords, stemOf, tokens } from "./words.js";

const WEIGHTS = { title: 4, terms: 3, asks: 3, pairs: 2, joined: 2, description: 2, opening: 1.2, topics: 1, rest: 0.5 };
/** Where a misspelled word is looked up before it is read together with its neighbors. */
const NAMING = ["title", "terms", "asks"];
const PAGE_WEIGHTS = { title: 4, description: 2, headings: 1 };
const BM25 = { k: 1.6, b: 0.5, d: 0.3 };
const SPELLING = { fuzzy: 0.3, prefix: 0.3 };

/** No question is longer; what follows is not looked at. */
const MOST_WORDS = 40;
/** What scores less than this share of the best is no answer, only a word in common; the first few are shown in any case. */
const WORTH = 0.1;
const FEWEST = 5;
/** A question's score is multiplied by this when what was typed is one of its names, or begins one. */
const IS_NAME = 2.5;
const BEGINS_NAME = 1.5;

/** How long the engine may take the page's thread for itself at a time, in ms: less than a key's way to the screen. */
const TURN = 12;

/** The engine for the content of search.json. It is built in turns, between which the page answers its reader. */
export async function createEngine(data) {
  const known = new Set();
  const kept = new Map();
  const processTerm = (word, field) => {
    if (field === "pairs") return word;
    if (!kept.has(word)) {
      const terms = indexed(word);
      kept.set(word, terms);
      for (const term of [terms ?? []].flat()) known.add(term);
    }
    return kept.get(word);
  };
  const index = async (records, toFields, weights) => {
    const engine = new MiniSearch({
      fields: Object.keys(weights),
      idField: "href",
      tokenize: (text, field) => (field === "pairs" ? text.split("\n") : tokens(text)),
      processTerm,
      searchOptions: { tokenize: (word) => [word], processTerm: (word) => word, boost: weights, bm25: BM25, weights: SPELLING, maxFuzzy: 2 },
    });
    let since = performance.now();
    for (const record of records) {
      engine.add(toFields(record));
      if (performance.now() - since < TURN) continue;
      await nextTask();
      since = performance.now();
    }
    return engine;
  };

  const names = new Map();
  const fieldsOf = (question) => {
    const phrases = [question.title, ...question.terms];
    const numbers = [`${question.number}`, `q${question.number}`, `question ${question.number}`];
    names.set(question.href, [...phrases, ...numbers].map((phrase) => keyWords(phrase).join(" ")));
    return {
      href: question.href,
      title: question.title,
      description: question.description,
      topics: question.topics.flatMap((topic) => [topic, ...(data.topics[topic] ?? [])]).join(" "),
      terms: [...question.terms, ...numbers].join(" "),
      asks: question.asks.join(" "),
      pairs: [...phrases, ...question.asks].flatMap((phrase) => pairsOf(keyWords(phrase).map((word) => [stemOf(word)]))).join("\n"),
      joined: phrases.map(joined).join(" "),
      opening: question.opening,
      rest: question.rest,
    };
  };
  const questions = await index(data.questions, fieldsOf, WEIGHTS);
  const pages = await index(data.pages, (page) => page, PAGE_WEIGHTS);
  const topics = await index(
    new Set(data.questions.flatMap((question) => question.topics)),
    (topic) => ({ href: topic, title: topic, description: (data.topics[topic] ?? []).join(" ") }),
    { title: 2, description: 1 },
  );
  const byHref = new Map([...data.questions, ...data.pages].map((record) => [record.href, record]));

  const isKnown = (word) => known.has(word) || known.has(stemOf(word));
  const begins = (word) => {
    for (const term of known) if (term.startsWith(word)) return true;
    return false;
  };

  /** What was typed as words to look for: two letters in the wrong order are put right where that gives a known word. */
  function wanted(text) {
    const all = [...new Set(keyWords(text.slice(0, 2000)).slice(0, MOST_WORDS))];
    // A letter by itself begins half of all words, and is told apart only where nothing else was typed.
    const typed = all.length > 1 ? all.filter((word) => [...word].length > 1 || /\p{N}/u.test(word)) : all;
    return typed.map((word, place) => {
      const half = place === typed.length - 1 && begins(word);
      return isKnown(word) || half || word.length < 4 || /\p{N}/u.test(word) ? word : transposed(word, known);
    });
  }

  /** One query a word: a known one is found by itself, its stem and its longer forms, any other by what it may mean. */
  function queryOf(word, isLast, loose) {
    if (isKnown(word)) {
      const forms = [...new Set([word, stemOf(word)])];
      return { queries: forms, combineWith: "OR", fuzzy: false, prefix: isLast && word.length > 2 };
    }
    return { queries: [word], combineWith: "OR", prefix: word.length > 1, fuzzy: errorsIn(word) || loose };
  }

  /** The stems that a word may stand for: its own, and for a misspelled one those of the words that it comes near to. */
  function meanings(engine, word) {
    const most = isKnown(word) ? 0 : errorsIn(word);
    const near = most ? engine.search(word, { fuzzy: most, prefix: false, fields: NAMING }).flatMap(({ terms }) => terms) : [];
    return [...new Set([word, ...near].map(stemOf))];
  }

  /** Results of one index for those words, best first. */
  function found(engine, words, loose = false) {
    const queries = words.map((word, place) => queryOf(word, place === words.length - 1, loose));
    const pairs = pairsOf(words.map((word) => meanings(engine, word)));
    const pairQueries = [...new Set(pairs)].map((pair) => ({ queries: [pair], combineWith: "OR", fuzzy: false, prefix: false }));
    const results = engine.search({ combineWith: "OR", queries: [...queries, ...pairQueries] });
    const typed = words.join(" ");
    for (const result of results) {
      // Half of the words in one question say more than each of them in another.
      const met = new Set(result.queryTerms.filter((term) => !term.includes(" ")).map(stemOf)).size;
      result.score *= Math.sqrt(Math.min(1, met / words.length));
      const own = names.get(result.id) ?? [];
      if (own.includes(typed)) result.score *= IS_NAME;
      else if (own.some((name) => name.startsWith(typed))) result.score *= BEGINS_NAME;
    }
    results.sort((one, other) => other.score - one.score);
    return results.filter((result, place) => place < FEWEST || result.score >= WORTH * results[0].score);
  }

  // A word by itself also finds pairs that begin with it; of a pair's second word nobody may have spoken.
  const withRecord = ({ id, terms }) => ({
    record: byHref.get(id),
    terms: new Set(terms.filter((term) => term.split(" ").every((word) => terms.includes(word)))),
  });

  return {
    /** `questions` and `pages` for a text, each with its record and the index's terms that it matched. */
    search(text) {
      const words = wanted(text);
      if (!words.length) return { questions: [], pages: [] };
      return {
        questions: found(questions, words).map(withRecord),
        pages: found(pages, words).map(withRecord),
      };
    },
    /** The topics whose names come nearest to a text that found nothing; else those of most questions. */
    nearestTopics(text, count = 6) {
      const near = found(topics, wanted(text), 0.4).map((result) => result.id);
      const often = new Map();
      for (const topic of data.questions.flatMap((question) => question.topics)) {
        often.set(topic, (often.get(topic) ?? 0) + 1);
      }
      const common = [...often].sort((one, other) => other[1] - one[1]).map(([topic]) => topic);
      return [...new Set([...near, ...common])].slice(0, count);
    },
  };
}

/** After what waits to be done, keys among it. A timer would wait four milliseconds longer each time. */
function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Words that stand beside each other, each given by its stems: what tells "rate limit" from a limit and a rate. */
function pairsOf(words) {
  return words.slice(1).flatMap((stems, place) => words[place].flatMap((first) => stems.map((second) => `${first} ${second}`)));
}

/** A name of two words written as one: "rate limit" is also found as "ratelimit". */
function joined(phrase) {
  const words = tokens(phrase);
  return words.length === 2 ? words.join("") : "";
}

/** How many letters of a word that nobody knows may be wrong. Digits are meant as they stand. */
function errorsIn(word) {
  if (/\p{N}/u.test(word) || word.length < 4) return false;
  return word.length < 6 ? 1 : 2;
}

function transposed(word, known) {
  for (let place = 0; place + 1 < word.length; place += 1) {
    const other = word.slice(0, place) + word[place + 1] + word[place] + word.slice(place + 2);
    if (known.has(other)) return other;
  }
  return word;
}
