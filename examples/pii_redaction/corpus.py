"""Labeled messages made from templates with a seed. Pure.

Development and held-out messages share no template, nor four words in a row; half of the held-out names are in no list of the development set.
Nobody in it exists: names are drawn apart for first and last, addresses end in reserved domains, numbers are random.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise

from examples.pii_redaction.cards import luhn
from examples.pii_redaction.patterns import ITIN_GROUPS
from examples.pii_redaction.spans import Kind, Span

_LISTS: dict[str, list[str]] = json.loads(
    files(__package__).joinpath("wordlists.json").read_text(encoding="utf-8")
)
FIRST, LAST = _LISTS["first"], _LISTS["last"]
NOT_NAMES = [*_LISTS["places"], *_LISTS["brands"]]
COMMON = _LISTS["common"]
"""Frequent English words and the calendar: what is capitalized at the start of a sentence and is no name."""

TEMPLATES = tuple(
    line.strip()
    for line in """
Hi, this is {name}, my order {order} never arrived.
My name is {name} and I need help with a refund.
my email is {email}, can you check order {order}?
Please send the receipt to {email}. Thanks, {name}
Dear {name}, we received your claim.
SSN {ssn}
My social security number is {bare}.
You asked for my social: {ssn}
The policy holder is {name} (SSN {ssn}), born 04/12/1980.
Order number {order}, placed on Monday by {name}.
Can you change the name on policy PX-{small} from {name} to {name}?
I talked to {name} from Claims last Tuesday.
Agent {name} promised a call back to {phone}.
Where is invoice {order}? It was sent to {email} in March.
Could you cancel order {order} please
here you go: {bare}
The tracking number is {order}.
I am {name}'s husband and I want to add her to the plan.
Contact: {name}, {email}, {phone}
Regards,
{name}
Ship it to {name}, 12 Elm Street, Austin, Texas 78701-{small}.
Thank you, {first}!
Hello {first}, thanks for the quick reply.
{first} here. Order {order} is damaged.
Is {first} still working in Billing? Please ask her.
The driver {name} hit my Toyota Corolla on Main Street.
My wife {first} ordered the Nike Air in size 9 on Sunday.
Please remove {email} and {email} from the newsletter.
last four of my social are {small}
Total was $1,299.00 for the Samsung Galaxy, order {order}.
I live in Boston. Your Chicago office has my file.
Can I return a Dell laptop after Black Friday?
The Terms of Service on your site say 30 days.
When will my refund from PayPal arrive? It is Monday already.
Please call me at {phone} after 5 PM.
I can't log in to my account with {email}
Is Premium Plus better than Basic for a family in New York?
Your app on my iPhone says Error 4012. I use Windows at work.
The insured, {name}, lives with {name} in Denver.
my tax id is {ssn} and my mail is {email}
Hello, I bought two Adidas jackets at your store in Seattle.
Our doctor, Dr. {last}, sent the form on Friday.
Mr. {last} called yesterday about claim {small}.
Why was I charged twice? Visa and Mastercard both show it.
Thanks. Best, {first} {initial} {last}
The number on the parcel is {order}, delivered by FedEx.
What is the deductible under Gold and Silver plans in Ohio?
hello i am {lower} and my order is late
Amazon and Walmart are cheaper. Please match the price.
Good morning, {name} speaking. I would like to update my address.
You can reach my accountant {name} under {email} any time.
Could somebody look into {order}? I paid for it two weeks ago.
For verification: {ssn}
For verification: {bare}
Attached is the form with the number {bare} of my late father {name}.
As discussed with {first} on the phone, the Honda is a total loss.
Who is {name}? That person shows up in my file.
It was {name} who signed for the package in Portland.
The beneficiary should be {name}, not {name}.
I forwarded everything from {email} to {email} this morning.
ref {order} still says processing, Best Buy told me to ask you
Yours sincerely, {name}
{name} asked whether Medicare covers this in Florida.
Write to {email} or text {phone}.
soc sec no. {ssn}, please delete it afterwards
Between {first} and {first} somebody lost the key to the Ford.
Our adjuster Ms. {last} has not written since Thanksgiving.
i think {lower} already paid for this
Does Travel Protection Plus apply to a cruise with Carnival from Miami?
The Home Depot on Lincoln Avenue refused my Discover card.
Parcel {order} and parcel {order} are both missing!
Hey {first}, any news?
P.S. my new address is {email}; the old one was {email}
I spoke with {name}, {name} and {name} about the water damage.
Numbers in the letter: {order}, {phone}, {small}.
My daughter {first} turned sixteen in June, add her to the Subaru.
Zip is 60614-{small}, phone {phone}, and no, I do not live in Lake Forest.
SSN on file ends in {small}, is that enough?
Taxpayer {name}, {bare}, asks for form 1099.
{first} and I both use this account.
Please add {name} as an authorized user.
I am writing on behalf of {name}, who is in hospital.
Who do I ask for at {brand}? {name} gave me no number.
Does {brand} ship to {place}?
We drove from {place} to {place} with the {brand}.
{place} is where the accident happened.
The {brand} store in {place} would not take it back.
My {thing} expired in {place}.
Is {thing} included, or do I pay extra?
I ordered {thing} and {thing} from {brand}.
After {thing} the price went up.
{brand} charged me twice for {thing}.
{thing} says I must call {brand}.
You sent {brand} the wrong address in {place}.
Why does {thing} not work in {place}?
When does {thing} start?
On {thing} nobody answered the phone.
Near {thing} in {place}, around noon.
Signed: {name}
Sincerely,
{first} {last}
Cheers, {first}
Thanks in advance! {name}
Love, {first}
{last}, {first}: policy {small}
Insured: {name}. Beneficiary: {name}.
Name: {name}
Driver: {name}, license from {place}
Customer {name} called again about {thing}.
Hello Ms. {last}, thank you for your patience.
Hi {first}! Did the {brand} arrive?
Good evening {first}, how can I help you today?
According to {name}, the claim was closed.
I spoke to {first} on Friday and to {first} on Monday.
My husband {first} lost his card in {place}.
My son {name} is seventeen.
My neighbor {name} saw it.
His name is {name}.
The account is in the name of {name}.
Could you put {first} on the phone?
Tell {first} that I said thanks.
{first} said that {brand} would refund me.
{name} will pick it up tomorrow.
{name} has power of attorney.
{name}'s account is locked.
Is this {first}?
No, {first} is my sister.
Yes, {name} is correct.
Sent by {name} from {place}
Please call {name} back on {phone}.
Send it to {name}, {email}.
cc {first} and {first}
my name is {lower} by the way
please ask {lower} about it
i spoke with {lower} at {brand} yesterday
the check is made out to {lower}
attn: {name}
Attention {name}
Fwd: message from {name}
From: {name} <{email}>
To: {first}, {first} and {first}
Reviewed by {name}, {thing}
Agent: {first}
Was it {first} or {first} who called?
Neither {name} nor I got an email.
Without {name} we cannot sign.
Dr. {last} at {thing} in {place} wrote the report.
Mrs. {last} lives in {place} now.
Mr. and Mrs. {last} are on vacation in {place}.
The witness was a Mr. {name}.
As {name} told you, {brand} has no record.
Then {name} from {brand} hung up on me.
Everyone at {brand} was kind, {first} above all.
Every time I open {brand} it says {thing}.
All of {place} had no power.
Between {place} and {place} the train was late.
Can {brand} call me?
Tell {brand} that the {thing} is broken.
Do you have an office in {place}?
Regarding {thing}: I never agreed.
Thank you, {brand} team!
Dear {brand}, I am not happy.
Hello {place}!
Since {thing} my bill is higher.
From Monday to Friday I am in {place}.
Also, {brand} works fine.
Which is cheaper, {brand} or {brand}?
The {brand} {thing} came without a manual.
{thing}, {thing} and {thing} are all gone.
Look at {thing} on page {small}.
{brand} {thing} cannot be canceled.
Happy Birthday from all of us!
Tracking says Out For Delivery since Tuesday.
ERROR: Invalid Coupon. Try Again Later.
I HAVE WAITED THREE WEEKS FOR {order}
Merry Christmas and thank you.
The Fine Print says No Returns.
my card is {card}, expires 04/28
Please charge {card} instead, same name: {name}
Member number {loyalty}, {first} in your shop knows it.
I have an ITIN, {itin}, and no social.
""".strip().splitlines()
)

HELD_OUT = tuple(
    line.strip()
    for line in """
Quick update from me, {name}: the plumber came today.
Would you mind sending a copy to {email}?
The card on file belongs to {name}, my roommate.
Hi there! {first} told me to write to you about {order}.
{ssn} is the number you need.
The number is {bare}. Do not share it.
Since Thursday the tracker for {order} shows nothing.
Somebody named {name} signed the receipt in Tampa.
Kind regards from Phoenix, {first}
Can {name} be a second driver on my policy?
@{first} please see below
Her maiden name was {last}, now it is {last}.
Both {name} and {name} were in the Chevrolet.
Please forward this to {name} <{email}>.
I moved from Dallas to San Diego in August.
My old mail was {email}, which I lost.
Does Liberty Shield Deluxe cover hail in Kansas?
Ask for {first} at extension {small}.
On Christmas Eve your Target Plaza store was closed.
what happened to package {order}, it said Wednesday
Tenant: {name}; co-tenant: {name}; phone {phone}
social security: {ssn}
I think Google Pay and Apple Wallet both failed at checkout.
To whom it may concern: {name} passed away on May 3.
this is {lower}, can you resend the invoice
{name} wrote: "the roof is gone"
Compare {order} with {order}; the second one is mine.
Is the Samsung Care Pack valid in Mexico?
The adjuster, {first} {last}, visited us near Union Station.
Report for Farmers Market, ZIP 30301-{small}.
It was paid with {card} in May.
{card} got declined twice.
Points belong on {loyalty}.
The stolen phone has IMEI {imei}.
We file under {itin} each spring.
""".strip().splitlines()
)

SPANISH = tuple(
    line.strip()
    for line in """
Hola, soy {name} y mi pedido {order} no ha llegado.
Me llamo {name}, mi correo es {email}.
El titular de la póliza es {name}, no {name}.
Mi número de seguro social es {bare}.
Gracias por todo. Un saludo, {name}
Ayer hablé con {first} de su oficina en Miami.
¿Puede llamar a {name} al {phone}?
Quiero añadir a mi esposa {first} al plan Familiar.
""".strip().splitlines()
)

_SLOT = re.compile(r"\{(\w+)\}")
_DOMAINS = ("example.com", "mail.example.org", "example.net", "acme-widgets.example", "uni.example.edu")


@dataclass(frozen=True)
class Message:
    """A text, what is to be found in it, and the nine-digit numbers in it that are orders."""

    text: str
    spans: tuple[Span, ...]
    orders: frozenset[str]
    template: str


@dataclass(frozen=True)
class Sources:
    first: tuple[str, ...]
    last: tuple[str, ...]


def development(seed: int, count: int, templates: Sequence[str] = TEMPLATES) -> list[Message]:
    return _messages(seed, count, templates, [Sources(tuple(FIRST), tuple(LAST))])


def held_out(seed: int, count: int) -> list[Message]:
    """Return messages of other templates; every second one draws its names from lists that training never saw."""
    known, new = (
        Sources(tuple(FIRST), tuple(LAST)),
        Sources(tuple(_LISTS["held_out_first"]), tuple(_LISTS["held_out_last"])),
    )
    return _messages(seed, count, HELD_OUT, [known, new])


def spanish(seed: int, count: int) -> list[Message]:
    return _messages(seed, count, SPANISH, [Sources(tuple(FIRST), tuple(LAST))])


def ssn(rng: random.Random) -> str:
    """Return the nine digits of a number that SSA may have issued."""
    area = rng.choice([a for a in range(1, 900) if a != 666])
    return f"{area:03}{rng.randrange(1, 100):02}{rng.randrange(1, 10_000):04}"


def checked(digits: str) -> str:
    """Return the digits with a check digit behind them."""
    return next(digits + last for last in "0123456789" if luhn(digits + last))


def card(rng: random.Random) -> str:
    """Return a card number as it is typed: in one piece or in the groups of the card, 4-6-5 for 15 digits."""
    prefix, length = rng.choice([("4", 16), ("55", 16), ("2720", 16), ("6011", 16), ("37", 15)])
    free = length - 1 - len(prefix)
    digits = checked(f"{prefix}{rng.randrange(10**free):0{free}}")
    cuts = (0, 4, 8, 12, 16) if length == 16 else (0, 4, 10, 15)
    return rng.choice(["", " ", "-"]).join(digits[a:b] for a, b in pairwise(cuts))


def _messages(seed: int, count: int, templates: Sequence[str], sources: list[Sources]) -> list[Message]:
    rng = random.Random(seed)
    return [
        _fill(rng, templates[i % len(templates)], sources[(i // len(templates)) % len(sources)])
        for i in range(count)
    ]


def _fill(rng: random.Random, template: str, sources: Sources) -> Message:
    text, spans, orders, at = "", [], set(), 0
    for slot in _SLOT.finditer(template):
        text += template[at : slot.start()]
        at = slot.end()
        value, kind = _value(rng, slot[1], sources)
        if kind:
            spans.append(Span(len(text), len(text) + len(value), kind))
        elif slot[1] == "order":
            orders.add(value)
        text += value
    spans = _joined(text + template[at:], spans)
    return Message(text + template[at:], tuple(spans), frozenset(orders), template)


def _joined(text: str, spans: list[Span]) -> list[Span]:
    """Make one name of the parts of one, as in "{first} {initial} {last}"."""
    out: list[Span] = []
    for span in spans:
        if out and span.kind == out[-1].kind == Kind.NAME and text[out[-1].end : span.start] == " ":
            out[-1] = Span(out[-1].start, span.end, Kind.NAME)
        else:
            out.append(span)
    return out


def _value(rng: random.Random, slot: str, sources: Sources) -> tuple[str, Kind | None]:
    first, last = rng.choice(sources.first), rng.choice(sources.last)
    match slot:
        case "name":
            full = rng.choice(
                [f"{first} {last}"] * 6
                + [f"{first[0]}. {last}", f"{first} {last}-{rng.choice(sources.last)}"]
            )
            return full, Kind.NAME
        case "first" | "last" | "lower":
            return {"first": first, "last": last, "lower": f"{first} {last}".lower()}[slot], Kind.NAME
        case "initial":
            return f"{rng.choice('ABCDEFGHJKLMNPRSTW')}.", Kind.NAME
        case "email":
            user = rng.choice(
                [
                    f"{first}.{last}",
                    f"{first[0]}{last}",
                    f"{first}{rng.randrange(100)}",
                    f"{last}+shop",
                    "office",
                ]
            )
            address = f"{user}@{rng.choice(_DOMAINS)}".replace("'", "")
            return rng.choice([address.lower()] * 5 + [address]), Kind.EMAIL
        case "ssn":
            digits = ssn(rng)
            mark = rng.choice("---- .")
            return mark.join((digits[:3], digits[3:5], digits[5:])), Kind.SSN
        case "bare":
            return ssn(rng), Kind.SSN
        case "itin":
            area, group = rng.randrange(900, 1000), rng.choice(sorted(ITIN_GROUPS))
            return f"{area}-{group}-{rng.randrange(10_000):04}", Kind.ITIN
        case "card":
            return card(rng), Kind.CARD
        case "imei":
            return checked(f"35{rng.randrange(10**12):012}"), None
        case "loyalty":
            digits = checked(f"6{rng.randrange(10**14):014}")
            wrong = digits[:-1] + str((int(digits[-1]) + rng.randrange(1, 10)) % 10)
            return " ".join(wrong[at : at + 4] for at in range(0, 16, 4)), None
        case "place" | "brand" | "thing":
            return rng.choice(_LISTS[f"{slot}s"]), None
        case "order":
            return f"{rng.randrange(100_000_000, 900_000_000)}", None
        case "phone":
            return f"({rng.randrange(201, 990)}) 555-01{rng.randrange(100):02}", None
        case "small":
            return f"{rng.randrange(1000, 10_000)}", None
    raise ValueError(f"no slot {slot}")
