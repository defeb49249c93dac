package serving.operators_test

import data.serving.operators

exec(user, namespace, now) := way("exec", user, namespace, now)

way(into, user, namespace, now) := {
	"now_s": now,
	"request": {"subResource": into, "namespace": namespace, "userInfo": {"username": user}},
}

test_break_glass_approved_by_another if operators.reasons(exec("eva", "engines", 1500)) == set()

test_not_by_oneself if count(operators.reasons(exec("ben", "engines", 1500))) == 1

test_an_elevation_is_no_broken_glass if count(operators.reasons(exec("fay", "engines", 1500))) == 1

test_where_no_prompts_are_an_elevation_is_enough if operators.reasons(exec("gil", "trust", 1500)) == set()

test_not_elsewhere if count(operators.reasons(exec("gil", "engines", 1500))) == 2

test_not_before if count(operators.reasons(exec("gil", "trust", 999))) == 1

test_not_after if count(operators.reasons(exec("gil", "trust", 1900))) == 1

test_not_for_longer_than_an_hour if count(operators.reasons(exec("hal", "trust", 1500))) == 1

test_nobody if count(operators.reasons(exec("eve", "engines", 1500))) == 2

test_only_ways_into_a_pod if count(operators.reasons(way("eviction", "gil", "trust", 1500))) == 1

test_a_debug_container_is_a_way_in_too if count(operators.reasons(way("ephemeralcontainers", "eve", "engines", 1500))) == 2
