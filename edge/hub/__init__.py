"""Model supply: the catalogue of models, the store they live in, and the ways to fetch and build them.

Reading (`load_catalogue`, `ModelStore.open`) imports no network code; only `pull` does, when something must be fetched.
"""
