def write(r):
    from statistics import median as m

    c = {n: {p: m(v) for p, v in d.items()} for n, d in r.cold.items()}
    for n, d in c.items():
        print(
            "cold",
            n,
            {p: round(v * 1e3, 1) for p, v in d.items()},
            round(c["the function"]["total"] / d["total"], 3),
        )
    for n, d in r.imports.items():
        print("imp", n, {p: round(v * 1e3, 1) for p, v in sorted(d.items(), key=lambda x: -x[1])})
    for n, d in r.warm.items():
        print("warm", n, round(m(d) * 1e3, 3), round(m(r.warm["the function"]) / m(d), 3))
    print({k: round(v * 1e3, 3) for k, v in r.steps.items()})
    for n, d in r.rie.items():
        print("rie", n, {p: round(m(v) * 1e3, 1) for p, v in d.items()})
    for n, d in r.tls.items():
        print("tls", n, round(m(d) * 1e3, 1))
    print({k: round(v / 1e6, 2) for k, v in r.resident.items()})
    print(r.zip_bytes / 1e6)
    for n, d in r.growth.items():
        print("growth", n, {p: round(m(v) * 1e3, 3) for p, v in d.items()})
    print(r.machine)
    return "x"
