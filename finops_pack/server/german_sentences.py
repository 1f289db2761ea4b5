"""Sentences of the analysis in German: a pattern of the English one, and where its parts go."""

from __future__ import annotations

SENTENCES = (
    (r"Monthly budget (\d+)% consumed", "Monatsbudget zu {0} % verbraucht"),
    (r"Monthly budget exceeded", "Monatsbudget überschritten"),
    (
        r"You have used (.+) of your (.+) monthly budget\.",
        "Sie haben {0} von {1} Ihres Monatsbudgets verbraucht.",
    ),
    (r"Cost anomaly on (.+)", "Auffällige Kosten am {0}"),
    (
        r"(\S+) cost (\S+), (\S+) times the usual (\S+) a day \(median of (\d+) days\)\.",
        "{0} kostete {1}, das {2}-Fache der üblichen {3} am Tag (Median von {4} Tagen).",
    ),
    (r"Tasks have become dearer", "Aufgaben sind teurer geworden"),
    (
        r"Tasks on (\S+) cost (\S+) each, (\S+)% against the (\d+) days before \(n = (\d+)\)\.",
        "Aufgaben am {0} kosteten je {1}, {2} % gegenüber den {3} Tagen davor (n = {4}).",
    ),
    (r"A task cost far more than usual", "Eine Aufgabe kostete weit mehr als üblich"),
    (
        r"Task (.+) cost (\S+); 95 % of tasks cost less than (\S+)\. See: (.+)",
        "Aufgabe {0} kostete {1}; 95 % der Aufgaben kosten weniger als {2}. Mehr: {3}",
    ),
    (r"Budget used up: (.+)", "Budget aufgebraucht: {0}"),
    (r"Budget (\d+)% consumed: (.+)", "Budget zu {0} % verbraucht: {1}"),
    (
        r"(\S+) used; a new window begins at (\S+)\.",
        "{0} verbraucht; ein neuer Zeitraum beginnt um {1}.",
    ),
    (r"(\S+) used\.", "{0} verbraucht."),
    (r"Efficiency dropped", "Die Effizienz ist gefallen"),
    (
        r"The efficiency score of (\S+) is (\d+); it is usually (\d+)\.",
        "Die Effizienz vom {0} ist {1}; üblich sind {2}.",
    ),
    (r"Cache writes are expensive", "Cache-Writes sind teuer"),
    (
        r"Cache writes were (\S+)% of your spend in the last (\d+) days, above (\d+)%; they pay "
        r"only where they are read back\.",
        "Cache-Writes waren {0} % der Ausgaben der letzten {1} Tage, mehr als {2} %; sie lohnen "
        "sich nur, wo sie wieder gelesen werden.",
    ),
    (r"Models without a price", "Modelle ohne Preis"),
    (
        r"No price is known for (.+) and (\S+) more: the cost is missing from every figure\. "
        r"Mend: (.+)",
        "Für {0} und {1} weitere ist kein Preis bekannt: die Kosten fehlen in jeder Zahl. "
        "Abhilfe: {2}",
    ),
    (
        r"No price is known for (.+): the cost is missing from every figure\. Mend: (.+)",
        "Für {0} ist kein Preis bekannt: die Kosten fehlen in jeder Zahl. Abhilfe: {1}",
    ),
    (r"A reporter has fallen silent", "Ein Melder schweigt"),
    (r"The last report of (.+) is for (\S+)\.", "Die letzte Meldung von {0} ist für {1}."),
    (
        r"Cache writes are (\S+)% of your dollars\. .+ bring them (?:to|below) (\d+)%: about "
        r"(\S+) a month(?: less)?\.",
        "Cache-Writes sind {0} % Ihrer Dollar. Ein längeres Heartbeat-Intervall, in bestehenden "
        "Sessions gebündelte Tasks und Komprimierung vor Ablauf des Caches senken sie auf {1} %: "
        "etwa {2} im Monat weniger.",
    ),
    (
        r"(\S+) calls? to (.+), started by a clock, would cost less as a batch: about (\S+) a "
        r"month less\.",
        "Aufrufe von {1}, die eine Uhr gestartet hat: {0}; als Batch im Monat etwa {2} weniger.",
    ),
    (
        r"(\d+) calls to (.+) resent their prompts uncached; set cache breakpoints: about (\S+) a "
        r"month less\.",
        "{0} Aufrufe von {1} sandten ihre Prompts ohne Cache erneut; Cache-Breakpoints sparen im "
        "Monat etwa {2}.",
    ),
    (
        r"(\S+) calls? to (.+) paid for the whole context again after a pause; compress it while "
        r"it is warm: about (\S+) a month less\.",
        "Aufrufe von {1}, die nach einer Pause den ganzen Kontext noch einmal zahlten: {0}; ihn zu "
        "komprimieren, solange er warm ist, spart im Monat etwa {2}.",
    ),
    (
        r"The heartbeat of “(.+)” runs every (\S+) (h|min); let it run every (\S+) (h|min): about "
        r"(\S+) a month less\.",
        "Der Heartbeat von „{0}“ läuft alle {1} {2}; alle {3} {4} spart im Monat etwa {5}.",
    ),
    (
        r"The heartbeat runs every (\S+) (h|min); let it run every (\S+) (h|min): about (\S+) a "
        r"month less\.",
        "Der Heartbeat läuft alle {0} {1}; alle {2} {3} spart im Monat etwa {4}.",
    ),
    (
        r"(\S+) sessions? on (.+) paused? longer than the short cache lives; the one-hour cache "
        r"there pays, premium included: about (\S+) a month less\.",
        "Sitzungen auf {1}, die länger pausierten, als der kurze Cache lebt: {0}; der "
        "Ein-Stunden-Cache lohnt sich dort samt Aufschlag: im Monat etwa {2} weniger.",
    ),
    (
        r"(?:“(.+)”|these calls) \((\d+) calls, short answers\) on (.+) instead of (.+); check the "
        r"quality first: about (\S+) a month less\.",
        "{1} Aufrufe mit kurzen Antworten ({0}) auf {2} statt {3}; zuerst die Qualität prüfen: im "
        "Monat etwa {4} weniger.",
    ),
    (
        r"(\d+) runs on a clock gave the very same answer without using a tool; check for news "
        r"before asking a model: about (\S+) a month less\.",
        "{0} Läufe nach der Uhr gaben ohne Werkzeug dieselbe Antwort; erst nach Neuem sehen, dann "
        "ein Modell fragen: im Monat etwa {1} weniger.",
    ),
    (
        r"(\S+) calls? of “(.+)” wrote a cache that was never read; do not write it: about (\S+) a "
        r"month less\.",
        "Aufrufe von „{1}“, die einen Cache schrieben, den niemand las: {0}; ohne ihn im Monat "
        "etwa {2} weniger.",
    ),
    (
        r"(\S+) sessions? began cold while another with the same prefix was warm; continue there: "
        r"about (\S+) a month less\.",
        "Sitzungen, die kalt begannen, während eine andere mit demselben Anfang warm war: {0}; "
        "dort weiterarbeiten: im Monat etwa {1} weniger.",
    ),
    (
        r"[Oo]ne tool result of “(.+)” of (\S+) tokens entered at step (\d+)",
        "ein Werkzeugergebnis von „{0}“ mit {1} Token kam in Schritt {2} hinzu",
    ),
    (
        r"[Oo]ne tool result of (\S+) tokens entered at step (\d+)",
        "ein Werkzeugergebnis mit {0} Token kam in Schritt {1} hinzu",
    ),
    (
        r"(\S+) new input tokens entered at step (\d+)",
        "{0} neue Input-Token kamen in Schritt {1} hinzu",
    ),
    (r"1 requests? took (\d+) attempts(?: \((.+)\))?", "1 Anfrage brauchte {0} Versuche"),
    (r"(\S+) requests took (\d+) attempts(?: \((.+)\))?", "{0} Anfragen brauchten {1} Versuche"),
    (
        r"call (\S+): (\S+) new input tokens; the usual is (\S+) \(n = (\S+)\)",
        "Aufruf {0}: {1} neue Input-Token; üblich sind {2} (n = {3})",
    ),
    (
        r"call (\S+): (\S+) output tokens, of them (\S+) reasoning; the usual is (\S+) "
        r"\(n = (\S+)\)",
        "Aufruf {0}: {1} Output-Token, davon {2} Reasoning; üblich sind {3} (n = {4})",
    ),
    (r"1 call carried them", "1 Aufruf trug sie"),
    (r"(\d+) calls carried them", "{0} Aufrufe trugen sie"),
    (
        r"(\d+) attempts, (\S+) s lost waiting, (\S+) calls? failed",
        "{0} Versuche, {1} s gewartet, {2} Aufrufe gescheitert",
    ),
    (
        r"(\S+) requests? (?:was|were) tried at least (\d+) times",
        "mindestens {1}-mal versuchte Anfragen: {0}",
    ),
    (
        r"insufficient data: 1 call and (\S+); at least (\S+) calls and (\S+) are needed",
        "zu wenig Daten: 1 Aufruf und {0}; nötig sind mindestens {1} Aufrufe und {2}",
    ),
    (
        r"insufficient data: (\S+) calls and (\S+); at least (\S+) calls and (\S+) are needed",
        "zu wenig Daten: {0} Aufrufe und {1}; nötig sind mindestens {2} Aufrufe und {3}",
    ),
    (
        r"no calls in this period \(.+\); the newest is of (\S+) (\S+) \((.+)\)",
        "keine Aufrufe in diesem Zeitraum; der neueste ist vom {0}, {1} ({2})",
    ),
    (
        r"only calls of flat plans in this period; show them with (.+)",
        "in diesem Zeitraum nur Aufrufe von Pauschaltarifen; sie zeigt {0}",
    ),
    (r"“(.+)” gave the same error (\d+) times", "„{0}“ gab {1}-mal denselben Fehler"),
    (r"“(.+)” gave the same result (\d+) times", "„{0}“ gab {1}-mal dasselbe Ergebnis"),
    (
        r"[Tt]wo calls of “(.+)” took turns (\d+) times",
        "zwei Aufrufe von „{0}“ wechselten sich {1}-mal ab",
    ),
    (r"“(.+)” and “(.+)” took turns (\d+) times", "„{0}“ und „{1}“ wechselten sich {2}-mal ab"),
    (
        r"[Ii]t made (\d+) tool calls \(usually (\d+)\)",
        "es kam zu {0} Werkzeugaufrufen (üblich sind {1})",
    ),
    (r"[Ss]tep (\d+) answered with (\S+) tokens.*", "Schritt {0} antwortete mit {1} Token"),
    (
        r"(\d+) tool calls in (\d+) model calls: (.+)",
        "{0} Werkzeugaufrufe in {1} Modellaufrufen: {2}",
    ),
)
